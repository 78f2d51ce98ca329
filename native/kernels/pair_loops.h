// Cells of two bfloat16, made of floats and multiplied by the instructions of AVX512_BF16, which take numbers below float32's
// normal ones for 0.
#pragma once

#include "quad_loops.h"
#include "tile_loops.h"

namespace locallearn {
namespace {

// Their operands, whose types compilers disagree on.
LOCALLEARN_INLINE __m256bh cells(const Eight& v) { return (__m256bh)v; }
LOCALLEARN_INLINE __m512bh cells(const Sixteen& v) { return (__m512bh)v; }

struct Pairs {
  template <typename V>
  static LOCALLEARN_INLINE V multiply_add(const V& sum, const float* value, const V& weights) {
    if constexpr (lanes_of<V> == lanes_of<Sixteen>) {
      return (V)_mm512_dpbf16_ps((__m512)sum, cells(all<V>(*value)), cells(weights));
    } else {
      return (V)_mm256_dpbf16_ps((__m256)sum, cells(all<V>(*value)), cells(weights));
    }
  }
};

// The numbers rounded, one behind another.
LOCALLEARN_INLINE void store_rounded_shorts(uint16_t* to, const Sixteen& v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh((__m512)v));
}
LOCALLEARN_INLINE void store_rounded_shorts(uint16_t* to, const Four& v) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), (__m128i)_mm_cvtneps_pbh((__m128)v));
}
LOCALLEARN_INLINE void store_rounded_shorts(uint16_t* to, float v) {
  const __m128i rounded = (__m128i)_mm_cvtneps_pbh(_mm_set_ss(v));
  std::memcpy(to, &rounded, sizeof *to);
}

// Cells of the numbers of both, rounded.
LOCALLEARN_INLINE void store_cells(float* to, const Sixteen& first, const Sixteen& second) {
  const __m512i in_order = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  const __m512i places = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                          20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(places, in_order));
}
LOCALLEARN_INLINE void store_cells(float* to, const Four& first, const Four& second) {
  const __m128i low = (__m128i)_mm_cvtneps_pbh((__m128)first), high = (__m128i)_mm_cvtneps_pbh((__m128)second);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi16(low, high));
}
LOCALLEARN_INLINE void store_cells(float* to, float first, float second) {
  const uint16_t empty[2] = {0, 0};
  std::memcpy(to, empty, sizeof empty);
  store_rounded_shorts(reinterpret_cast<uint16_t*>(to), first);
  store_rounded_shorts(reinterpret_cast<uint16_t*>(to) + 1, second);
}

// What `FloatCells` (quad_loops.h) are for floats: of two channels of a quad, of which each has its own half,
template <typename V, int kPlanes>
class CellsOfChannels {
 public:
  LOCALLEARN_INLINE CellsOfChannels(float* to, int64_t c, int64_t channels, int64_t plane)
      : to_(reinterpret_cast<uint16_t*>(to) + c), step_((channels + 1) / 2 * 2), plane_(2 * plane) {}
  template <int k>
  LOCALLEARN_INLINE void put(const V& value) {
    store_rounded_shorts(to_ + k * plane_, value);
  }
  LOCALLEARN_INLINE void next() { to_ += step_; }
  LOCALLEARN_INLINE void finish() {}

 private:
  uint16_t* to_;
  int64_t step_, plane_;
};

// and of two quads.
template <typename V, int kPlanes>
class CellsOfQuads {
 public:
  LOCALLEARN_INLINE CellsOfQuads(float* to, int64_t c, int64_t step, int64_t plane) : to_(to + c), step_(step), plane_(plane) {}
  template <int k>
  LOCALLEARN_INLINE void put(const V& value) {
    if (second_) {
      store_cells(to_ + k * plane_, first_[k], value);
    } else {
      first_[k] = value;
    }
  }
  LOCALLEARN_INLINE void next() {
    if (second_) to_ += step_;
    second_ = !second_;
  }
  LOCALLEARN_INLINE void finish() {
    if (!second_) return;
    for (int k = 0; k < kPlanes; k++) store_cells(to_ + k * plane_, first_[k], V{});
  }

 private:
  V first_[kPlanes] = {};
  bool second_ = false;
  float* to_;
  int64_t step_, plane_;
};

template <typename V>
void pair(const float* first, const float* second, int64_t count, float* to) {
  each_channel<V>(count, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    store_cells(to + c, load<W>(first + c), load<W>(second + c));
  });
}

template <typename T, typename V>
constexpr PairedQuads paired_quads() {
  PairedQuads loops{quad_inputs<T, V, CellsOfChannels>, nullptr, nullptr};
  if constexpr (T::kGradients) {
    loops.inputs_across = quad_inputs<T, V, CellsOfQuads>;
    loops.gradients_across = quad_gradients<T, V, CellsOfQuads>;
  }
  return loops;
}

}  // namespace
}  // namespace locallearn
