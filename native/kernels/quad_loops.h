// The loops over the transforms of quads (quads.h), for whatever vectors the including file's instruction set has.
#pragma once

#include "quad_transforms.h"
#include "tiles.h"
#include "vectors.h"

#include <utility>

namespace locallearn {
namespace {

template <typename F, int... k>
LOCALLEARN_INLINE void each_of(std::integer_sequence<int, k...>, const F& f) {
  (f(std::integral_constant<int, k>()), ...);
}
// Calls f with the integral constants below kCount.
template <int kCount, typename F>
LOCALLEARN_INLINE void each_constant(const F& f) {
  each_of(std::make_integer_sequence<int, kCount>(), f);
}

// Calls f(V(), c) for whole vectors of channels, f(Four(), c) and f(float(), c) for those that are left.
template <typename V, typename F>
LOCALLEARN_INLINE void each_channel(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + lanes_of<V> <= channels; c += lanes_of<V>) f(V(), c);
  for (; c + lanes_of<Four> <= channels; c += lanes_of<Four>) f(Four(), c);
  for (; c < channels; c++) f(float(), c);
}

// Where what is made of one quad after another is put, to so many planes: floats, of some channels of each.
template <typename V, int kPlanes>
class FloatCells {
 public:
  // `to` is of the first of these channels; `step` floats lie between quads.
  LOCALLEARN_INLINE FloatCells(float* to, int64_t c, int64_t step, int64_t plane) : to_(to + c), step_(step), plane_(plane) {}
  template <int k>
  LOCALLEARN_INLINE void put(const V& value) {
    store<V>(to_ + k * plane_, value);
  }
  LOCALLEARN_INLINE void next() { to_ += step_; }
  LOCALLEARN_INLINE void finish() {}

 private:
  float* to_;
  int64_t step_, plane_;
};

// Row `i` of planes, to `cells`: of the rows' i-th transform, at one channel. A quad shares columns with the next.
template <typename T, int i, typename V, typename Cells>
LOCALLEARN_INLINE void quad_input_row(const float* const* rows, int64_t width, int64_t column, int64_t quads,
                                      int64_t channels, int64_t c, Cells cells) {
  constexpr int kStep = T::kSizes.step, kShared = T::kSizes.reads - kStep;
  const auto inside = [&](int64_t at) LOCALLEARN_LAMBDA {
    return T::template inputs<i>([&](int k) LOCALLEARN_LAMBDA { return load<V>(rows[k] + at * channels + c); });
  };
  const auto anywhere = [&](int64_t at) { return at >= 0 && at < width ? inside(at) : V(); };
  V x[kShared + kStep];
  each_constant<kShared>([&](auto k) LOCALLEARN_LAMBDA { x[k] = anywhere(column + k); });
  column += kShared;
  for (; quads > 0; quads--, column += kStep, cells.next()) {
    const bool in = column + kStep <= width;
    each_constant<kStep>([&](auto k) LOCALLEARN_LAMBDA {
      x[kShared + k] = in ? inside(column + k) : anywhere(column + k);
    });
    each_constant<T::kSizes.inputs>([&](auto j) LOCALLEARN_LAMBDA {
      cells.template put<j()>(T::template inputs<j()>([&](int k) LOCALLEARN_LAMBDA { return x[k]; }));
    });
    each_constant<kShared>([&](auto k) LOCALLEARN_LAMBDA { x[k] = x[k + kStep]; });
  }
  cells.finish();
}

template <typename T, typename V, template <typename, int> typename Cells = FloatCells>
void quad_inputs(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                 int64_t plane) {
  constexpr int kInputs = T::kSizes.inputs;
  each_channel<V>(channels, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    each_constant<kInputs>([&](auto i) LOCALLEARN_LAMBDA {
      quad_input_row<T, i(), W>(rows, width, column, quads, channels, c,
                                Cells<W, kInputs>(to + i * kInputs * plane, c, channels, plane));
    });
  });
}

template <typename T, typename V, template <typename, int> typename Cells = FloatCells>
void quad_gradients(const float* const* rows, int64_t quads, int64_t channels, float* to, int64_t step, int64_t plane) {
  constexpr int kResults = T::kSizes.results;
  each_channel<V>(channels, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    Cells<W, kResults * kResults> cells(to, c, step, plane);
    for (int64_t q = 0, at = 0; q < quads; q++, at += 2 * channels, cells.next()) {
      W columns[2][kResults];
      each_constant<2>([&](auto j) LOCALLEARN_LAMBDA {
        const W d[2] = {load<W>(rows[0] + at + j * channels + c), load<W>(rows[1] + at + j * channels + c)};
        each_constant<kResults>([&](auto i) LOCALLEARN_LAMBDA {
          columns[j][i] = T::template gradients<i()>([&](int k) LOCALLEARN_LAMBDA { return d[k]; });
        });
      });
      each_constant<kResults * kResults>([&](auto product) LOCALLEARN_LAMBDA {
        constexpr int i = product / kResults, j = product % kResults;
        cells.template put<product()>(T::template gradients<j>([&](int k) LOCALLEARN_LAMBDA { return columns[k][i]; }));
      });
    }
    cells.finish();
  });
}

template <typename T, typename V>
void quad_results(const float* products, int64_t step, int64_t plane, int64_t width, int64_t channels,
                  float* const* rows) {
  constexpr int kResults = T::kSizes.results, kWrites = T::kSizes.writes;
  for (int64_t column = 0, at = 0; column < width; column += kWrites, products += step, at += kWrites * channels) {
    each_channel<V>(channels, [&](auto kind, int64_t c) {
      using W = decltype(kind);
      W columns[kResults][kWrites];
      each_constant<kResults>([&](auto j) LOCALLEARN_LAMBDA {
        const float* const from = products + j * plane + c;
        W m[kResults];
        each_constant<kResults>([&](auto k) LOCALLEARN_LAMBDA { m[k] = load<W>(from + k * kResults * plane); });
        each_constant<kWrites>([&](auto i) LOCALLEARN_LAMBDA {
          columns[j][i] = T::template results<i()>([&](int k) LOCALLEARN_LAMBDA { return m[k]; });
        });
      });
      each_constant<kWrites * kWrites>([&](auto result) LOCALLEARN_LAMBDA {
        constexpr int i = result / kWrites, j = result % kWrites;
        if (rows[i] == nullptr || column + j >= width) return;
        store<W>(rows[i] + at + j * channels + c,
                 T::template results<j>([&](int k) LOCALLEARN_LAMBDA { return columns[k][i]; }));
      });
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

// In double precision: each error here is in all that is made with the filter.
template <typename T, typename V>
void quad_filter(const float* filter, int64_t tap, int64_t valid, int64_t lanes, float* to, const int64_t* planes) {
  constexpr int kTerms = T::kSizes.terms;
  each_channel<V>(valid, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    using D = typename Doubled<W>::Type;
    D columns[3][kTerms];
    each_constant<3>([&](auto j) LOCALLEARN_LAMBDA {
      D taps[3];
      each_constant<3>([&](auto k) LOCALLEARN_LAMBDA { load_doubled<W>(taps[k], filter + (3 * k + j) * tap + c); });
      each_constant<kTerms>([&](auto row) LOCALLEARN_LAMBDA {
        columns[j][row] = T::template filter<row()>([&](int k) LOCALLEARN_LAMBDA { return taps[k]; });
      });
    });
    each_constant<kTerms * kTerms>([&](auto term) LOCALLEARN_LAMBDA {
      constexpr int row = term / kTerms, column = term % kTerms;
      const D weight = T::template filter<column>([&](int k) LOCALLEARN_LAMBDA { return columns[k][row]; });
      store_rounded<W>(to + planes[term] + c, weight);
    });
  });
  if (valid == lanes) return;
  for (int term = 0; term < kTerms * kTerms; term++)
    for (int64_t c = valid; c < lanes; c++) to[planes[term] + c] = 0;
}

// In double precision too.
template <typename T, typename V>
void quad_taps(const float* sums, int64_t plane, int64_t channels, float* to, int64_t tap) {
  constexpr int kTerms = T::kSizes.terms;
  each_channel<V>(channels, [&](auto kind, int64_t c) {
    using W = decltype(kind);
    using D = typename Doubled<W>::Type;
    D columns[kTerms][3];
    each_constant<kTerms>([&](auto j) LOCALLEARN_LAMBDA {
      D terms[kTerms];
      each_constant<kTerms>([&](auto k) LOCALLEARN_LAMBDA { load_doubled<W>(terms[k], sums + (k * kTerms + j) * plane + c); });
      each_constant<3>([&](auto row) LOCALLEARN_LAMBDA {
        columns[j][row] = T::template taps<row()>([&](int k) LOCALLEARN_LAMBDA { return terms[k]; });
      });
    });
    each_constant<9>([&](auto made) LOCALLEARN_LAMBDA {
      constexpr int row = made / 3, column = made % 3;
      const D value = T::template taps<column>([&](int k) LOCALLEARN_LAMBDA { return columns[k][row]; });
      store_rounded<W>(to + made * tap + c, value);
    });
  });
}

// Nobody asks for the gradients of gradients.
template <typename T, typename V>
constexpr QuadLoops quad_loops() {
  QuadLoops loops{T::kSizes, quad_inputs<T, V>, quad_results<T, V>, quad_filter<T, V>, nullptr, nullptr};
  if constexpr (T::kGradients) {
    loops.gradients = quad_gradients<T, V>;
    loops.taps = quad_taps<T, V>;
  }
  return loops;
}

}  // namespace
}  // namespace locallearn
