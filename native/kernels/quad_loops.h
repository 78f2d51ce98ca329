// The bodies of the transforms of quads (quads.h), for whatever vectors the including file's instruction set has.
#pragma once

#include "tiles.h"
#include "vectors.h"

namespace locallearn {
namespace {

// Calls f(V(), c) for whole vectors of channels, f(Four(), c) and f(float(), c) for those that are left.
template <typename V, typename F>
LOCALLEARN_INLINE void each_channel(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + lanes_of<V> <= channels; c += lanes_of<V>) f(V(), c);
  for (; c + lanes_of<Four> <= channels; c += lanes_of<Four>) f(Four(), c);
  for (; c < channels; c++) f(float(), c);
}

// Four values of a row or column to the four that are multiplied.
template <typename V>
LOCALLEARN_INLINE void store_inputs(float* to, int64_t plane, const V& x0, const V& x1, const V& x2, const V& x3) {
  store<V>(to, x0 - x2);
  store<V>(to + plane, x1 + x2);
  store<V>(to + 2 * plane, x2 - x1);
  store<V>(to + 3 * plane, x1 - x3);
}

// Row `i` of the four that are multiplied of what stands in the four rows of x.
template <int i, typename V>
LOCALLEARN_INLINE V of_rows(const float* const* rows, int64_t at) {
  if constexpr (i == 0) return load<V>(rows[0] + at) - load<V>(rows[2] + at);
  if constexpr (i == 1) return load<V>(rows[1] + at) + load<V>(rows[2] + at);
  if constexpr (i == 2) return load<V>(rows[2] + at) - load<V>(rows[1] + at);
  if constexpr (i == 3) return load<V>(rows[1] + at) - load<V>(rows[3] + at);
}

// The four planes from `to` on, at one channel. A quad shares two of its columns with the next.
template <int i, typename V>
LOCALLEARN_INLINE void quad_input_row(const float* const* rows, int64_t width, int64_t column, int64_t quads,
                                      int64_t channels, int64_t c, float* to, int64_t plane) {
  const auto inside = [&](int64_t at) { return of_rows<i, V>(rows, at * channels + c); };
  const auto anywhere = [&](int64_t at) { return at >= 0 && at < width ? inside(at) : V(); };
  V x0 = anywhere(column), x1 = anywhere(column + 1);
  for (; quads > 0; quads--, to += channels) {
    column += 2;
    const bool in = column + 1 < width;
    const V x2 = in ? inside(column) : anywhere(column), x3 = in ? inside(column + 1) : anywhere(column + 1);
    store_inputs<V>(to + c, plane, x0, x1, x2, x3);
    x0 = x2;
    x1 = x3;
  }
}

template <typename V>
void quad_inputs(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                 int64_t plane) {
  each_channel<V>(channels, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    quad_input_row<0, W>(rows, width, column, quads, channels, c, to, plane);
    quad_input_row<1, W>(rows, width, column, quads, channels, c, to + 4 * plane, plane);
    quad_input_row<2, W>(rows, width, column, quads, channels, c, to + 8 * plane, plane);
    quad_input_row<3, W>(rows, width, column, quads, channels, c, to + 12 * plane, plane);
  });
}

template <typename V>
LOCALLEARN_INLINE void store_gradients(float* to, int64_t plane, const V& d0, const V& d1) {
  store<V>(to, d0);
  store<V>(to + plane, (d0 + d1) * 0.5f);
  store<V>(to + 2 * plane, (d0 - d1) * 0.5f);
  store<V>(to + 3 * plane, d1);
}

template <typename V>
void quad_gradients(const float* const* rows, int64_t quads, int64_t channels, float* to, int64_t step, int64_t plane) {
  for (int64_t i = 0, at = 0; i < quads; i++, at += 2 * channels, to += step) {
    each_channel<V>(channels, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      const W a0 = load<W>(rows[0] + at + c), a1 = load<W>(rows[0] + at + channels + c);
      const W b0 = load<W>(rows[1] + at + c), b1 = load<W>(rows[1] + at + channels + c);
      store_gradients<W>(to + c, plane, a0, a1);
      store_gradients<W>(to + 4 * plane + c, plane, (a0 + b0) * 0.5f, (a1 + b1) * 0.5f);
      store_gradients<W>(to + 8 * plane + c, plane, (a0 - b0) * 0.5f, (a1 - b1) * 0.5f);
      store_gradients<W>(to + 12 * plane + c, plane, b0, b1);
    });
  }
}

template <typename V>
void quad_results(const float* products, int64_t step, int64_t plane, int64_t width, int64_t channels,
                  float* const* rows) {
  for (int64_t column = 0, at = 0; column < width; column += 2, products += step, at += 2 * channels) {
    const bool both = column + 1 < width;
    each_channel<V>(channels, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      W upper[4], lower[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const float* const from = products + j * plane + c;
        const W m1 = load<W>(from + 4 * plane), m2 = load<W>(from + 8 * plane);
        upper[j] = load<W>(from) + m1 + m2;
        lower[j] = m1 - m2 - load<W>(from + 12 * plane);
      }
      const auto write = [&](const W* m, float* to) {
        store<W>(to + at + c, m[0] + m[1] + m[2]);
        if (both) store<W>(to + at + channels + c, m[1] - m[2] - m[3]);
      };
      write(upper, rows[0]);
      if (rows[1] != nullptr) write(lower, rows[1]);
    });
  }
}

// As many doubles as a vector has lanes.
template <typename V>
struct Doubled {
  typedef double Type __attribute__((vector_size(2 * sizeof(V))));
};
template <>
struct Doubled<float> {
  typedef double Type;
};

template <typename V, typename D>
LOCALLEARN_INLINE void load_doubled(D& value, const float* from) {
  if constexpr (lanes_of<V> == 1) {
    value = *from;
  } else {
    value = __builtin_convertvector(load<V>(from), D);
  }
}

template <typename V, typename D>
LOCALLEARN_INLINE void store_rounded(float* to, const D& value) {
  if constexpr (lanes_of<V> == 1) {
    *to = value;
  } else {
    store<V>(to, __builtin_convertvector(value, V));
  }
}

template <typename V, typename D>
LOCALLEARN_INLINE void store_taps(float* to, int64_t plane, const D& first, const D& middle, const D& last) {
  const D ends = first + last;
  store_rounded<V>(to, first);
  store_rounded<V, D>(to + plane, (ends + middle) * 0.5);
  store_rounded<V, D>(to + 2 * plane, (ends - middle) * 0.5);
  store_rounded<V>(to + 3 * plane, last);
}

// In double precision: each error here is in all that is made with the filter.
template <typename V>
void quad_filter(const float* filter, int64_t in, int64_t out, int64_t valid, int64_t lanes, float* to, int64_t plane) {
  for (int64_t i = 0; i < in; i++, filter += out, to += lanes) {
    each_channel<V>(valid, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      using D = typename Doubled<W>::Type;
      D rows[4][3];
#pragma GCC unroll 3
      for (int column = 0; column < 3; column++) {
        const float* const from = filter + column * in * out + c;
        D first, middle, last;
        load_doubled<W>(first, from);
        load_doubled<W>(middle, from + 3 * in * out);
        load_doubled<W>(last, from + 6 * in * out);
        rows[0][column] = first;
        rows[1][column] = (first + last + middle) * 0.5;
        rows[2][column] = (first + last - middle) * 0.5;
        rows[3][column] = last;
      }
#pragma GCC unroll 4
      for (int row = 0; row < 4; row++)
        store_taps<W>(to + 4 * row * plane + c, plane, rows[row][0], rows[row][1], rows[row][2]);
    });
    if (valid == lanes) continue;
    for (int product = 0; product < 16; product++)
      for (int64_t c = valid; c < lanes; c++) to[product * plane + c] = 0;
  }
}

template <typename V>
constexpr QuadLoops quad_loops() {
  return {quad_inputs<V>, quad_gradients<V>, quad_results<V>, quad_filter<V>};
}

}  // namespace
}  // namespace locallearn
