// The bodies of entropy.h, for whatever vectors the including file's instruction set has.
#pragma once

#include "entropy.h"
#include "row_loops.h"

namespace locallearn {
namespace {

// exp(−|x|), to 2e-7 of it; that of −87 for what is below, and for NaN.
template <typename V>
LOCALLEARN_INLINE V exp_of_minus_abs(const V& x) {
  const V a = reinterpret_cast<V>(reinterpret_cast<Bits<V>>(x) | 0x80000000u);
  const V least = all<V>(-87.f);
  const auto near = a > least;
  const V y = where(near, a) + where(~near, least);
  // y = n·log 2 + r with a whole n: adding 1.5·2²³ rounds to it, in the last bits. log 2 in two parts, the first exact.
  const V magic = all<V>(12582912.f);
  const V shifted = y * 1.44269504f + magic;
  const V n = shifted - magic;
  const V r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = all<V>(1.f / 720);
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  const Bits<V> exponent = reinterpret_cast<Bits<V>>(shifted) - reinterpret_cast<Bits<V>>(magic);
  return p * reinterpret_cast<V>((exponent + 127) << 23);
}

// log(1 + e) of e in 0…1, to 3e-7 of it: 2·artanh z with z = e / (2 + e), a third at most, as its power series.
template <typename V>
LOCALLEARN_INLINE V log_of_one_more(const V& e) {
  const V z = e / (e + 2.f), s = z * z;
  V p = all<V>(1.f / 15);
  p = p * s + 1.f / 13;
  p = p * s + 1.f / 11;
  p = p * s + 1.f / 9;
  p = p * s + 1.f / 7;
  p = p * s + 1.f / 5;
  p = p * s + 1.f / 3;
  p = p * s + 1.f;
  return 2.f * z * p;
}

template <typename V>
double entropy_sum(const float* x, const float* t, int64_t count) {
  constexpr int64_t kMost = 64 * lanes_of<V>;
  double total = 0;
  for (int64_t first = 0; first < count; first += kMost) {
    V sum{};
    each_vector<V>(std::min(count - first, kMost), [&](int64_t at, int64_t valid) __attribute__((always_inline)) {
      const V v = load_some<V>(x + first + at, valid);
      const V loss = where(v > 0.f, v) - v * load_some<V>(t + first + at, valid) + log_of_one_more(exp_of_minus_abs(v));
      if (valid == lanes_of<V>) sum += loss;
      else for (int64_t j = 0; j < valid; j++) sum[j] += loss[j];
    });
    for (int64_t j = 0; j < lanes_of<V>; j++) total += sum[j];
  }
  return total;
}

template <typename V>
void entropy_gradient(float* x, const float* t, float factor, int64_t count) {
  each_vector<V>(count, [&](int64_t at, int64_t valid) __attribute__((always_inline)) {
    const V v = load_some<V>(x + at, valid), e = exp_of_minus_abs(v);
    // The last is NaN where v is, else nothing.
    const V above = where(v >= 0.f, all<V>(1.f)) + where(v < 0.f, e) + where(v != v, v);
    store_some<V>(x + at, (above / (e + 1.f) - load_some<V>(t + at, valid)) * factor, valid);
  });
}

template <typename V>
constexpr EntropyLoops entropy_loops() {
  return {entropy_sum<V>, entropy_gradient<V>};
}

}  // namespace
}  // namespace locallearn
