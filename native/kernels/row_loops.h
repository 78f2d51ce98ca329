// The bodies of rows.h, for whatever vectors the including file's instruction set has.
#pragma once

#include "rows.h"
#include "vectors.h"

#include <algorithm>

namespace locallearn {
namespace {

// Runs `group(lane, valid, first, last)` for every vector of channels (the last may be shorter than V) of so many rows
// at a time as the first-level cache holds of three maps.
template <typename V, typename Group>
LOCALLEARN_INLINE void for_groups(int64_t rows, int64_t channels, const Group& group) {
  constexpr int64_t kLanes = lanes_of<V>, kMostRows = 64, kMostFloats = 2048;
  const int64_t chunk = std::clamp<int64_t>(kMostFloats / std::max<int64_t>(channels, 1), 8, kMostRows);
  for (int64_t first = 0; first < rows; first += chunk) {
    const int64_t last = std::min(rows, first + chunk);
    int64_t lane = 0;
    for (; lane + kLanes <= channels; lane += kLanes) group(lane, kLanes, first, last);
    if (lane < channels) group(lane, channels - lane, first, last);
  }
}

// The first `valid` lanes; the others are 0.
template <typename V>
LOCALLEARN_INLINE V load_some(const float* from, int64_t valid) {
  if (valid == lanes_of<V>) return load<V>(from);
  V v{};
  std::memcpy(&v, from, valid * sizeof(float));
  return v;
}
template <typename V>
LOCALLEARN_INLINE void store_some(float* to, const V& v, int64_t valid) {
  if (valid == lanes_of<V>) return store<V>(to, v);
  std::memcpy(to, &v, valid * sizeof(float));
}

// Adds up two vectors a row, and those to the channels' sums.
template <typename V, typename Row>
LOCALLEARN_INLINE void sum_rows(int64_t first, int64_t last, int64_t valid, double* a, double* b, const Row& row) {
  V s{}, t{};
  for (int64_t r = first; r < last; r++) row(r, s, t);
  for (int64_t j = 0; j < valid; j++) {
    a[j] += s[j];
    b[j] += t[j];
  }
}

template <typename V>
void add_moments(const float* x, int64_t rows, int64_t channels, const float* origin, double* sum, double* square) {
  for_groups<V>(rows, channels, [&](int64_t lane, int64_t valid, int64_t first, int64_t last) LOCALLEARN_LAMBDA {
    const V o = load_some<V>(origin + lane, valid);
    sum_rows<V>(first, last, valid, sum + lane, square + lane, [&](int64_t r, V& s, V& q) LOCALLEARN_LAMBDA {
      const V d = load_some<V>(x + r * channels + lane, valid) - o;
      s += d;
      q += d * d;
    });
  });
}

// The parameters of a vector of channels.
template <typename V>
struct Lanes {
  V mean, scale, shift;
  LOCALLEARN_INLINE Lanes(const Affine& a, int64_t lane, int64_t valid)
      : mean(load_some<V>(a.mean + lane, valid)),
        scale(load_some<V>(a.scale + lane, valid)),
        shift(load_some<V>(a.shift + lane, valid)) {}
  LOCALLEARN_INLINE V norm(const V& x) const { return (x - mean) * scale + shift; }
};

template <typename V, bool kRelu, bool kResidual>
void apply_rows(const float* x, const float* residual, float* y, int64_t rows, int64_t channels, const Affine& affine) {
  for_groups<V>(rows, channels, [&](int64_t lane, int64_t valid, int64_t first, int64_t last) LOCALLEARN_LAMBDA {
    const Lanes<V> a(affine, lane, valid);
    for (int64_t at = first * channels + lane; at < last * channels; at += channels) {
      V v = a.norm(load_some<V>(x + at, valid));
      if (kResidual) v += load_some<V>(residual + at, valid);
      if (kRelu) v = where<V>(!(v < V{}), v);
      store_some<V>(y + at, v, valid);
    }
  });
}

template <typename V>
void apply_affine(const float* x, const float* residual, float* y, int64_t rows, int64_t channels, const Affine& affine,
                  bool relu) {
  const auto apply = residual ? (relu ? apply_rows<V, true, true> : apply_rows<V, false, true>)
                              : (relu ? apply_rows<V, true, false> : apply_rows<V, false, false>);
  apply(x, residual, y, rows, channels, affine);
}

// Whether the mask is found with a second map.
template <Mask kMask>
constexpr bool kReads = kMask == Mask::kOutput || kMask == Mask::kSum;

// dy through the mask.
template <typename V, Mask kMask>
LOCALLEARN_INLINE V masked_gradient(const float* dy, const V& x, const float* other, int64_t valid, const Lanes<V>& a) {
  const V g = load_some<V>(dy, valid);
  if (kMask == Mask::kOutput) return where<V>(load_some<V>(other, valid) > V{}, g);
  if (kMask == Mask::kSum) return where<V>(a.norm(x) + load_some<V>(other, valid) > V{}, g);
  if (kMask == Mask::kNorm) return where<V>(a.norm(x) > V{}, g);
  return g;
}

template <typename V, Mask kMask>
void gradient_sums(const float* dy, const float* x, const float* other, int64_t rows, int64_t channels,
                   const Affine& affine, double* sum, double* product) {
  for_groups<V>(rows, channels, [&](int64_t lane, int64_t valid, int64_t first, int64_t last) LOCALLEARN_LAMBDA {
    const Lanes<V> a(affine, lane, valid);
    sum_rows<V>(first, last, valid, sum + lane, product + lane, [&](int64_t r, V& s, V& p) LOCALLEARN_LAMBDA {
      const int64_t at = r * channels + lane;
      const V value = load_some<V>(x + at, valid);
      const V g = masked_gradient<V, kMask>(dy + at, value, kReads<kMask> ? other + at : nullptr, valid, a);
      s += g;
      p += g * (value - a.mean);
    });
  });
}

template <typename V>
void add_gradient_sums(const float* dy, const float* x, const float* other, Mask mask, int64_t rows, int64_t channels,
                       const Affine& affine, double* sum, double* product) {
  const auto add = mask == Mask::kOutput ? gradient_sums<V, Mask::kOutput>
                   : mask == Mask::kSum  ? gradient_sums<V, Mask::kSum>
                   : mask == Mask::kNorm ? gradient_sums<V, Mask::kNorm>
                                         : gradient_sums<V, Mask::kNone>;
  add(dy, x, other, rows, channels, affine, sum, product);
}

template <typename V, Mask kMask, bool kStore>
void input_gradient_rows(const float* dy, const float* x, const float* other, float* dx, float* masked, int64_t rows,
                         int64_t channels, const Affine& affine, const Correction& correction) {
  for_groups<V>(rows, channels, [&](int64_t lane, int64_t valid, int64_t first, int64_t last) LOCALLEARN_LAMBDA {
    const Lanes<V> a(affine, lane, valid);
    const V offset = load_some<V>(correction.offset + lane, valid), slope = load_some<V>(correction.slope + lane, valid);
    for (int64_t at = first * channels + lane; at < last * channels; at += channels) {
      const V value = load_some<V>(x + at, valid);
      const V g = masked_gradient<V, kMask>(dy + at, value, kReads<kMask> ? other + at : nullptr, valid, a);
      if (kStore) store_some<V>(masked + at, g, valid);
      store_some<V>(dx + at, a.scale * (g - offset - slope * (value - a.mean)), valid);
    }
  });
}

template <typename V, Mask kMask>
constexpr auto input_gradient_of(const float* masked) {
  return masked ? input_gradient_rows<V, kMask, true> : input_gradient_rows<V, kMask, false>;
}

template <typename V>
void input_gradient(const float* dy, const float* x, const float* other, Mask mask, float* dx, float* masked, int64_t rows,
                    int64_t channels, const Affine& affine, const Correction& correction) {
  const auto apply = mask == Mask::kOutput ? input_gradient_of<V, Mask::kOutput>(masked)
                     : mask == Mask::kSum  ? input_gradient_of<V, Mask::kSum>(masked)
                     : mask == Mask::kNorm ? input_gradient_of<V, Mask::kNorm>(masked)
                                           : input_gradient_of<V, Mask::kNone>(masked);
  apply(dy, x, other, dx, masked, rows, channels, affine, correction);
}

// Calls f(offset, valid) for every vector of `count` floats, the last of which may be shorter than V.
template <typename V, typename F>
LOCALLEARN_INLINE void each_vector(int64_t count, const F& f) {
  constexpr int64_t kLanes = lanes_of<V>;
  int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) f(at, kLanes);
  if (at < count) f(at, count - at);
}

template <typename V>
void blend(const float* first, const float* second, float share, int64_t count, float* y) {
  const V near = all<V>(1 - share), far = all<V>(share);
  each_vector<V>(count, [&](int64_t at, int64_t valid) LOCALLEARN_LAMBDA {
    store_some<V>(y + at, load_some<V>(first + at, valid) * near + load_some<V>(second + at, valid) * far, valid);
  });
}

template <typename V>
void add_scaled(const float* x, float factor, int64_t count, float* y) {
  const V f = all<V>(factor);
  each_vector<V>(count, [&](int64_t at, int64_t valid) LOCALLEARN_LAMBDA {
    store_some<V>(y + at, load_some<V>(y + at, valid) + load_some<V>(x + at, valid) * f, valid);
  });
}

template <typename V>
void blend_pixels(const float* x, const Between* pixels, int64_t width, int64_t channels, float* y) {
  for (int64_t i = 0; i < width; i++, y += channels)
    blend<V>(x + pixels[i].first * channels, x + pixels[i].second * channels, pixels[i].share, channels, y);
}

template <typename V>
void add_to_pixels(const float* d, const Between* pixels, int64_t width, int64_t channels, float* dx) {
  for (int64_t i = 0; i < width; i++, d += channels) {
    add_scaled<V>(d, 1 - pixels[i].share, channels, dx + pixels[i].first * channels);
    add_scaled<V>(d, pixels[i].share, channels, dx + pixels[i].second * channels);
  }
}

// Vectors c, c + 1, … of a sum; those beyond the end are moved back to it, and written twice.
template <typename V, int N>
LOCALLEARN_INLINE void add_up_vectors(const float* x, const Weighted* terms, int64_t count, int64_t c, int64_t floats,
                                      float* y) {
  int64_t at[N];
  V sum[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; n++) {
    at[n] = std::min<int64_t>(c + n * lanes_of<V>, floats - lanes_of<V>);
    sum[n] = V{};
  }
  for (int64_t t = 0; t < count; t++) {
    const V weight = all<V>(terms[t].weight);
    const float* const from = x + terms[t].from;
#pragma GCC unroll 4
    for (int n = 0; n < N; n++) sum[n] += load<V>(from + at[n]) * weight;
  }
#pragma GCC unroll 4
  for (int n = 0; n < N; n++) store<V>(y + at[n], sum[n]);
}

template <typename V>
void add_up(const float* x, const WeightedSum* sums, int64_t count, const Weighted* terms, int64_t floats, float* y) {
  if constexpr (lanes_of<V> > lanes_of<Four>) {
    if (floats < lanes_of<V>) return add_up<Half<V>>(x, sums, count, terms, floats, y);
  }
  for (int64_t i = 0; i < count; terms += sums[i++].terms) {
    float* const to = y + sums[i].to;
    if (floats < lanes_of<V>) {
      for (int64_t c = 0; c < floats; c++) {
        to[c] = 0;
        for (int64_t t = 0; t < sums[i].terms; t++) to[c] += x[terms[t].from + c] * terms[t].weight;
      }
      continue;
    }
    int64_t c = 0;
    for (; floats - c > 2 * lanes_of<V>; c += 4 * lanes_of<V>)
      add_up_vectors<V, 4>(x, terms, sums[i].terms, c, floats, to);
    if (c < floats) add_up_vectors<V, 2>(x, terms, sums[i].terms, c, floats, to);
  }
}

template <typename V>
void widen(const uint16_t* x, int64_t count, float* y) {
  each_vector<V>(count, [&](int64_t at, int64_t valid) LOCALLEARN_LAMBDA {
    Shorts<V> shorts{};
    std::memcpy(&shorts, x + at, valid * sizeof(uint16_t));
    store_some<V>(y + at, reinterpret_cast<V>(__builtin_convertvector(shorts, Bits<V>) << 16), valid);
  });
}

template <typename V>
void narrow(const float* x, int64_t count, uint16_t* y) {
  each_vector<V>(count, [&](int64_t at, int64_t valid) LOCALLEARN_LAMBDA {
    const Bits<V> bits = reinterpret_cast<Bits<V>>(load_some<V>(x + at, valid));
    const Bits<V> rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16, nan = Bits<V>{} + 0x7fc0;
    const auto is_nan = reinterpret_cast<Bits<V>>((bits & 0x7fffffff) > 0x7f800000u);
    const Shorts<V> shorts = __builtin_convertvector((rounded & ~is_nan) | (nan & is_nan), Shorts<V>);
    std::memcpy(y + at, &shorts, valid * sizeof(uint16_t));
  });
}

template <typename V>
constexpr RowLoops row_loops() {
  return {add_moments<V>,   apply_affine<V>, add_gradient_sums<V>, input_gradient<V>, blend<V>, blend_pixels<V>,
          add_to_pixels<V>, add_scaled<V>,   add_up<V>,            widen<V>,          narrow<V>};
}

}  // namespace
}  // namespace locallearn
