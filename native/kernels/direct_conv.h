// Convolution image by image on our own tiles (tiles.h), for the small filters and channel counts that CIFAR networks
// and auxiliary nets are made of: in quads (quads.h), before it is resized (upsampled.h), to few channels
// (few_outputs.h), or tap by tap (direct_filter.h).
// What one image needs is small enough to stay in the cache, so whatever comes before or after a convolution (batch
// normalisation, ReLU) can be done on an image while it is there.
#pragma once

#include "batch_norm.h"
#include "conv_shape.h"
#include "optional.h"
#include "resize.h"

#include <ATen/ATen.h>
#include <c10/util/FunctionRef.h>

namespace locallearn {

// Whether the tiles serve convolutions with this filter, in some strides and on some maps: they read it contiguous.
bool direct_reads(const at::Tensor& filter);

// Whether the tiles serve this convolution of float32 or bfloat16 on the CPU, and better than the library's.
bool direct_serves(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding, int64_t groups);

struct ConvGradients {
  at::Tensor x, filter, bias;  // in TensorFlow.js's layouts; undefined where not asked for
};

// With `resize`, x holds the images before they are resized to what the convolution, and `shape`, reads: of what comes of
// that no more is in memory than an image a thread, nor of maps of bfloat16, which are widened and rounded image by image.
// The result is of x's type. `after(thread, image, y)` runs when that image's result lies in y: of float32 it may change it, of
// bfloat16 it is a copy, rounded.
at::Tensor direct_conv(const at::Tensor& x, const at::Tensor& filter, const at::Tensor* bias, const ConvShape& shape,
                       const Resize* resize,
                       c10::function_ref<void(int64_t thread, int64_t image, float* y)> after);

// Writes a row of the gradient of the result.
using FillGradient = c10::function_ref<void(int64_t thread, int64_t image, int64_t row, float* to)>;

// x, or what `norm` makes of it where there is one, is read for the filter's gradient alone, and with `reuse_x` its own
// gradient, of the type of `maps`, takes its place.
ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const AppliedNorm* norm, const at::Tensor& filter,
                                   const ConvShape& shape, const Resize* resize, at::ScalarType maps,
                                   bool need_x, bool reuse_x, bool need_filter, bool need_bias, FillGradient fill);

// Runs f(thread, first, last) for each thread's share of the images: the same whenever the number of threads is.
int64_t image_threads(int64_t images);
void for_images(int64_t images, c10::function_ref<void(int64_t thread, int64_t first, int64_t last)> f);

}  // namespace locallearn
