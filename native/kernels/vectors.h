// Loops that are compiled once for each instruction set and chosen when the addon loads. Whoever includes this defines
// LOCALLEARN_ISA_AVX2 or LOCALLEARN_ISA_AVX512 first, or neither, for what every processor of the architecture has.
// Everything here is local to the including file: files for different instruction sets must never share a function.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(LOCALLEARN_ISA_AVX2) || defined(LOCALLEARN_ISA_AVX512)
#include <immintrin.h>
#endif

namespace locallearn {
namespace {

#define LOCALLEARN_INLINE inline __attribute__((always_inline))
#define LOCALLEARN_LAMBDA __attribute__((always_inline))

typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));

template <typename V>
constexpr long lanes_of = sizeof(V) / sizeof(float);

// Of half as many lanes.
template <typename V>
struct Halved;
template <>
struct Halved<Eight> {
  typedef Four Type;
};
template <>
struct Halved<Sixteen> {
  typedef Eight Type;
};
template <typename V>
using Half = typename Halved<V>::Type;

// As many whole numbers of 32 and of 16 bits as a vector has lanes.
template <typename V>
struct Whole;
template <>
struct Whole<Four> {
  typedef uint32_t Bits __attribute__((vector_size(16)));
  typedef uint16_t Shorts __attribute__((vector_size(8)));
};
template <>
struct Whole<Eight> {
  typedef uint32_t Bits __attribute__((vector_size(32)));
  typedef uint16_t Shorts __attribute__((vector_size(16)));
};
template <>
struct Whole<Sixteen> {
  typedef uint32_t Bits __attribute__((vector_size(64)));
  typedef uint16_t Shorts __attribute__((vector_size(32)));
};
template <typename V>
using Bits = typename Whole<V>::Bits;
template <typename V>
using Shorts = typename Whole<V>::Shorts;

template <typename V>
LOCALLEARN_INLINE V load(const float* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <typename V>
LOCALLEARN_INLINE void store(float* to, const V& v) {
  std::memcpy(to, &v, sizeof v);
}

// The value in every lane.
template <typename V>
LOCALLEARN_INLINE V all(float value);
#if defined(LOCALLEARN_ISA_AVX512)
template <>
LOCALLEARN_INLINE Sixteen all<Sixteen>(float value) {
  return reinterpret_cast<Sixteen>(_mm512_set1_ps(value));
}
#endif
#if defined(LOCALLEARN_ISA_AVX2) || defined(LOCALLEARN_ISA_AVX512)
template <>
LOCALLEARN_INLINE Eight all<Eight>(float value) {
  return reinterpret_cast<Eight>(_mm256_set1_ps(value));
}
#endif
template <>
LOCALLEARN_INLINE Four all<Four>(float value) {
  return Four{value, value, value, value};
}

// value where the comparison holds, else 0.
template <typename V, typename Holds>
LOCALLEARN_INLINE V where(const Holds& holds, const V& value) {
  return reinterpret_cast<V>(holds & reinterpret_cast<const Holds&>(value));
}

}  // namespace
}  // namespace locallearn
