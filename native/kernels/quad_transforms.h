// The transforms of quads (quads.h) in one dimension: x(k), d(k), m(k), w(k) and s(k) are the k-th value of what is read; the
// k-th of what is made comes of inputs<k>, gradients<k>, results<k>, filter<k> and taps<k>, the filter's gradient of the sums
// of all terms. In two dimensions they are done one after the other.
#pragma once

#include "tiles.h"
#include "vectors.h"

// Vectors of doubles that are returned are inlined: how they would be handed over otherwise is nobody's concern.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace locallearn {
namespace {

// Of stride 1: y₀ = w₀x₀ + w₁x₁ + w₂x₂, y₁ = w₀x₁ + w₁x₂ + w₂x₃ (F(2, 3); the filter's gradient F(3, 2)).
struct Dense {
  static constexpr bool kGradients = true;
  static constexpr QuadSizes kSizes = kDenseQuads;

  template <int k, typename X>
  static LOCALLEARN_INLINE auto inputs(const X& x) {
    if constexpr (k == 0) return x(0) - x(2);
    if constexpr (k == 1) return x(1) + x(2);
    if constexpr (k == 2) return x(2) - x(1);
    if constexpr (k == 3) return x(1) - x(3);
  }
  template <int k, typename D>
  static LOCALLEARN_INLINE auto gradients(const D& d) {
    if constexpr (k == 0) return d(0);
    if constexpr (k == 1) return (d(0) + d(1)) * 0.5f;
    if constexpr (k == 2) return (d(0) - d(1)) * 0.5f;
    if constexpr (k == 3) return d(1);
  }
  template <int k, typename M>
  static LOCALLEARN_INLINE auto results(const M& m) {
    if constexpr (k == 0) return m(0) + m(1) + m(2);
    if constexpr (k == 1) return m(1) - m(2) - m(3);
  }
  template <int k, typename W>
  static LOCALLEARN_INLINE auto filter(const W& w) {
    if constexpr (k == 0) return w(0);
    if constexpr (k == 1) return (w(0) + w(2) + w(1)) * 0.5;
    if constexpr (k == 2) return (w(0) + w(2) - w(1)) * 0.5;
    if constexpr (k == 3) return w(2);
  }
  template <int k, typename S>
  static LOCALLEARN_INLINE auto taps(const S& s) {
    if constexpr (k == 0) return s(0) + (s(1) + s(2));
    if constexpr (k == 1) return s(1) - s(2);
    if constexpr (k == 2) return s(1) + s(2) - s(3);
  }
};

// Of stride 2: y₀ = w₀x₀ + w₁x₁ + w₂x₂, y₁ = w₀x₂ + w₁x₃ + w₂x₄. What the outer taps read is a convolution of two taps of
// every other input, F(2, 2): y₀ = w₀(x₀ − x₂) + (w₀ + w₂)x₂ + w₁x₁, y₁ = (w₀ + w₂)x₂ + w₂(x₄ − x₂) + w₁x₃.
struct Strided {
  static constexpr bool kGradients = true;
  static constexpr QuadSizes kSizes = kStridedQuads;

  template <int k, typename X>
  static LOCALLEARN_INLINE auto inputs(const X& x) {
    if constexpr (k == 0) return x(0) - x(2);
    if constexpr (k == 1) return x(2);
    if constexpr (k == 2) return x(4) - x(2);
    if constexpr (k == 3) return x(1);
    if constexpr (k == 4) return x(3);
  }
  template <int k, typename D>
  static LOCALLEARN_INLINE auto gradients(const D& d) {
    if constexpr (k == 0) return d(0);
    if constexpr (k == 1) return d(0) + d(1);
    if constexpr (k == 2) return d(1);
  }
  template <int k, typename M>
  static LOCALLEARN_INLINE auto results(const M& m) {
    return m(k) + m(k + 1);
  }
  template <int k, typename W>
  static LOCALLEARN_INLINE auto filter(const W& w) {
    if constexpr (k == 0) return w(0);
    if constexpr (k == 1) return w(0) + w(2);
    if constexpr (k == 2) return w(2);
    if constexpr (k == 3 || k == 4) return w(1);
  }
  template <int k, typename S>
  static LOCALLEARN_INLINE auto taps(const S& s) {
    if constexpr (k == 0) return s(0) + s(1);
    if constexpr (k == 1) return s(3) + s(4);
    if constexpr (k == 2) return s(1) + s(2);
  }
};

// The inputs' gradient of stride 2, of the filter turned round: of the gradients x₀, x₁, x₂, inputs read by one tap alone,
// y₀ = w₁x₀ and y₂ = w₁x₁, between those read by two, y₁ = w₀x₀ + w₂x₁ and y₃ = w₀x₁ + w₂x₂.
struct Spread {
  static constexpr bool kGradients = false;
  static constexpr QuadSizes kSizes = kSpreadQuads;

  template <int k, typename X>
  static LOCALLEARN_INLINE auto inputs(const X& x) {
    if constexpr (k == 0) return x(0) - x(1);
    if constexpr (k == 1) return x(1);
    if constexpr (k == 2) return x(2) - x(1);
    if constexpr (k == 3) return x(0);
  }
  template <int k, typename M>
  static LOCALLEARN_INLINE auto results(const M& m) {
    if constexpr (k == 0) return m(3);
    if constexpr (k == 1) return m(0) + m(1);
    if constexpr (k == 2) return m(4);
    if constexpr (k == 3) return m(1) + m(2);
  }
  template <int k, typename W>
  static LOCALLEARN_INLINE auto filter(const W& w) {
    return Strided::filter<k>(w);
  }
};

}  // namespace
}  // namespace locallearn
