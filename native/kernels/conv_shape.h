// The sizes of a convolution.
#pragma once

#include <ATen/ATen.h>

namespace locallearn {

// Activations are [images, height, width, channels], filters [filter height, filter width, in, out], contiguous float32.
struct ConvShape {
  int64_t images, height, width, in, out, filter_height, filter_width, stride, padding, out_height, out_width;

  int64_t image_in() const { return height * width * in; }
  int64_t image_out() const { return out_height * out_width * out; }
  int64_t image_pixels() const { return out_height * out_width; }
};

inline ConvShape conv_shape(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding) {
  ConvShape shape{x[0], x[1], x[2], x[3], filter.size(3), filter.size(0), filter.size(1), stride, padding, 0, 0};
  shape.out_height = (shape.height + 2 * padding - shape.filter_height) / stride + 1;
  shape.out_width = (shape.width + 2 * padding - shape.filter_width) / stride + 1;
  return shape;
}

}  // namespace locallearn
