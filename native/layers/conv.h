// Convolutions of maps wherever they lie: ours or libtorch's.
#pragma once

#include "../kernels/optional.h"

#include <ATen/ATen.h>

#include <tuple>

namespace locallearn {

// `resized` here and below: the height and width that x is resized to first (bilinear, corners aligned); empty: not.
at::Tensor conv(const at::Tensor& x, const at::Tensor& filter, const optional<at::Tensor>& bias, int64_t stride,
                int64_t padding, int64_t groups, at::IntArrayRef resized);

// With `reuse_x` nobody reads x afterwards, and dx may take its memory. → dx, dfilter, dbias
std::tuple<at::Tensor, at::Tensor, at::Tensor> conv_backward(const at::Tensor& dy, const at::Tensor& x,
                                                             const at::Tensor& filter, bool has_bias, int64_t stride,
                                                             int64_t padding, int64_t groups, at::IntArrayRef resized,
                                                             bool need_x, bool reuse_x, bool need_parameters);

}  // namespace locallearn
