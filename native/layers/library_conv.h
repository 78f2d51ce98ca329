// Libtorch's convolutions, and its resizing, in TensorFlow.js's layouts.
#pragma once

#include "../kernels/direct_conv.h"
#include "../kernels/map_rows.h"
#include "../kernels/optional.h"

#include <ATen/ATen.h>

#include <vector>

namespace locallearn {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

// [n, h, w, c] as a channels-last [n, c, h, w]; the same memory. Rank 2, [n, c], stays as it is.
inline at::Tensor to_nchw(const at::Tensor& x) { return x.dim() == 4 ? x.permute({0, 3, 1, 2}) : x; }

inline at::Tensor to_nhwc(const at::Tensor& x) {
  return x.dim() == 4 ? x.contiguous(kChannelsLast).permute({0, 2, 3, 1}) : x;
}

// In the type of the map that it is for.
inline at::Tensor filter_to_oihw(const at::Tensor& filter, const at::Tensor& map) {
  return filter.to(map.scalar_type()).permute({3, 2, 0, 1}).contiguous(kChannelsLast);
}

inline at::Tensor filter_to_hwio(const at::Tensor& filter) { return filter.permute({2, 3, 1, 0}); }

inline at::Tensor convolve(const at::Tensor& x, const at::Tensor& filter, const optional<at::Tensor>& bias, int64_t stride, int64_t padding,
                int64_t groups) {
  const optional<at::Tensor> b = bias.has_value() ? optional<at::Tensor>(bias->to(x.scalar_type())) : bias;
  return at::convolution(to_nchw(x), filter_to_oihw(filter, x), b, {stride, stride}, {padding, padding}, {1, 1}, false,
                         {0, 0}, groups);
}

// dc is [n, c, h, w].
inline ConvGradients convolve_backward(const at::Tensor& dc, const at::Tensor& x, const at::Tensor& filter,
                                       bool has_bias, int64_t stride, int64_t padding, int64_t groups, bool need_x,
                                       bool need_parameters) {
  const std::vector<int64_t> bias_sizes{filter.size(3)};
  const bool need_bias = need_parameters && has_bias, short_bias = need_bias && is_short(dc);
  auto [dx, dfilter, dbias] = at::convolution_backward(
      dc, to_nchw(x), filter_to_oihw(filter, x),
      has_bias ? at::OptionalIntArrayRef(bias_sizes) : at::OptionalIntArrayRef(), {stride, stride}, {padding, padding},
      {1, 1}, false, {0, 0}, groups, {need_x, need_parameters, need_bias && !short_bias});
  // The library would round the sum.
  if (short_bias) dbias = at::sum(dc, {0, 2, 3}, false, at::kFloat);
  return {need_x ? to_nhwc(dx) : at::Tensor(), need_parameters ? filter_to_hwio(dfilter.to(filter.scalar_type())) : at::Tensor(),
          dbias};
}

// x, or where `resized` is not empty a map of that height and width.
inline at::Tensor resized_map(const at::Tensor& x, at::IntArrayRef resized) {
  return resized.empty() ? x : to_nhwc(at::upsample_bilinear2d(to_nchw(x), resized, true));
}

// The gradient of x, of shape `x_shape`, by that of the map. Undefined where it is.
inline at::Tensor resize_backward(const at::Tensor& dx, at::IntArrayRef x_shape, at::IntArrayRef resized) {
  if (resized.empty() || !dx.defined()) return dx;
  const std::vector<int64_t> nchw{x_shape[0], x_shape[3], x_shape[1], x_shape[2]};
  return to_nhwc(at::upsample_bilinear2d_backward(to_nchw(dx), resized, nchw, true));
}

}  // namespace locallearn
