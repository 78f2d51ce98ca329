// Convolutions of bfloat16 maps on the CPU that are computed in float32, some images at a time, so that no more than those
// lie there in float32.
#pragma once

#include "../kernels/map_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace locallearn {

// Whether oneDNN multiplies bfloat16 with this processor's own instructions.
inline bool multiplies_short() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  static const bool can = __builtin_cpu_supports("avx512bf16") && at::globalContext().hasMKLDNN();
  return can;
#else
  return false;
#endif
}

// The library resizes bfloat16 by shares that are bfloat16 too, eight times as far off as rounding.
inline bool widens(const at::Tensor& x, at::IntArrayRef resized) {
  return x.is_cpu() && is_short(x) && (!multiplies_short() || !resized.empty());
}

// Of channels that fill no vectors oneDNN's gradients take copies of whole maps, more than float32 ones. Of taps that reach no
// pixel of a map that is smaller than the filter, libtorch 1.13's oneDNN leaves the gradient as the memory was.
inline bool widens_backward(const at::Tensor& x, const at::Tensor& filter, at::IntArrayRef resized) {
  const bool full = filter.size(2) % 16 == 0 && filter.size(3) % 16 == 0;
  const bool all_reach = x.size(1) >= filter.size(0) && x.size(2) >= filter.size(1);
  return widens(x, resized) || (x.is_cpu() && is_short(x) && !(full && all_reach));
}

template <typename F>
void each_group(int64_t images, const F& f) {
  const int64_t most = 4 * at::get_num_threads();
  for (int64_t first = 0; first < images; first += most) f(first, std::min(most, images - first));
}

// f(images in float32) → maps [images, …], for all of x.
template <typename F>
at::Tensor image_groups(const at::Tensor& x, const F& f) {
  at::Tensor y;
  each_group(x.size(0), [&](int64_t first, int64_t count) {
    const at::Tensor maps = f(x.narrow(0, first, count).to(at::kFloat));
    if (!y.defined()) {
      std::vector<int64_t> shape = maps.sizes().vec();
      shape[0] = x.size(0);
      y = at::empty(shape, x.options());
    }
    y.narrow(0, first, count).copy_(maps);
  });
  return y;
}

// f(their gradients, images, both in float32) → dx, and gradients of parameters, which add up; those not asked for are
// undefined.
template <typename F>
std::tuple<at::Tensor, at::Tensor, at::Tensor> image_groups_backward(const at::Tensor& dy, const at::Tensor& x, const F& f) {
  at::Tensor dx, dfilter, dbias;
  const auto add = [](at::Tensor& sum, const at::Tensor& part) {
    if (!part.defined()) return;
    sum = sum.defined() ? sum.add_(part) : part;
  };
  each_group(x.size(0), [&](int64_t first, int64_t count) {
    const auto [part, filter, bias] =
        f(dy.narrow(0, first, count).to(at::kFloat), x.narrow(0, first, count).to(at::kFloat));
    add(dfilter, filter);
    add(dbias, bias);
    if (!part.defined()) return;
    if (!dx.defined()) dx = at::empty(x.sizes(), x.options());
    dx.narrow(0, first, count).copy_(part);
  });
  return {dx, dfilter, dbias};
}

}  // namespace locallearn
