// The bodies of the transforms of pairs (pairs.h), for whatever vectors the including file's instruction set has.
#pragma once

#include "tiles.h"
#include "vectors.h"

namespace locallearn {
namespace {

// Calls f(V(), c) for whole vectors of channels, and f(float(), c) for each of those that are left.
template <typename V, typename F>
LOCALLEARN_INLINE void each_channel(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + lanes_of<V> <= channels; c += lanes_of<V>) f(V(), c);
  for (; c < channels; c++) f(float(), c);
}

// The pair that reads `pixel(j, V(), c)`, j from 0 to 3.
template <typename V, typename Pixel>
LOCALLEARN_INLINE void pair_input(int64_t channels, float* to, int64_t plane, const Pixel& pixel) {
  each_channel<V>(channels, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    const W x0 = pixel(0, W(), c), x1 = pixel(1, W(), c), x2 = pixel(2, W(), c), x3 = pixel(3, W(), c);
    store<W>(to + c, x0 - x2);
    store<W>(to + plane + c, x1 + x2);
    store<W>(to + 2 * plane + c, x2 - x1);
    store<W>(to + 3 * plane + c, x1 - x3);
  });
}

template <typename V>
void pair_inputs(const float* x, int64_t width, int64_t column, int64_t pairs, int64_t channels, float* to,
                 int64_t plane) {
  for (int64_t i = 0; i < pairs; i++, column += 2, to += channels) {
    const auto there = [&](int64_t j, auto kind, int64_t c) {
      return load<decltype(kind)>(x + (column + j) * channels + c);
    };
    if (column >= 0 && column + 4 <= width) {
      pair_input<V>(channels, to, plane, there);
      continue;
    }
    pair_input<V>(channels, to, plane, [&](int64_t j, auto kind, int64_t c) {
      return column + j >= 0 && column + j < width ? there(j, kind, c) : decltype(kind)();
    });
  }
}

template <typename V>
void pair_gradients(const float* d, int64_t pairs, int64_t channels, float* to, int64_t plane) {
  for (int64_t i = 0; i < pairs; i++, d += 2 * channels, to += channels) {
    each_channel<V>(channels, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      const W d0 = load<W>(d + c), d1 = load<W>(d + channels + c);
      store<W>(to + c, d0);
      store<W>(to + plane + c, (d0 + d1) * 0.5f);
      store<W>(to + 2 * plane + c, (d0 - d1) * 0.5f);
      store<W>(to + 3 * plane + c, d1);
    });
  }
}

template <typename V>
void pair_results(const float* products, int64_t plane, int64_t width, int64_t channels, float* y) {
  for (int64_t column = 0; column < width; column += 2, products += channels, y += 2 * channels) {
    const bool both = column + 1 < width;
    each_channel<V>(channels, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      const W m1 = load<W>(products + plane + c), m2 = load<W>(products + 2 * plane + c);
      store<W>(y + c, load<W>(products + c) + m1 + m2);
      if (both) store<W>(y + channels + c, m1 - m2 - load<W>(products + 3 * plane + c));
    });
  }
}

template <typename V>
constexpr PairLoops pair_loops() {
  return {pair_inputs<V>, pair_gradients<V>, pair_results<V>};
}

}  // namespace
}  // namespace locallearn
