// Convolution image by image on our own tiles (tiles.h), for the small filters and channel counts that CIFAR networks
// and auxiliary nets are made of. One image's input and its gradient lie in a scratch with a border of zeros, small
// enough to stay in the cache, so whatever comes before or after a convolution (batch normalisation, ReLU) can be done
// on an image while it is there.
#pragma once

#include "optional.h"
#include "tiles.h"

#include <ATen/ATen.h>
#include <c10/util/FunctionRef.h>

#include <vector>

namespace locallearn {

// Activations are [images, height, width, channels], filters [filter height, filter width, in, out], contiguous float32.
struct ConvShape {
  int64_t images, height, width, in, out, filter_height, filter_width, stride, padding, out_height, out_width;

  int64_t image_in() const { return height * width * in; }
  int64_t image_out() const { return out_height * out_width * out; }
  int64_t image_pixels() const { return out_height * out_width; }
};

ConvShape conv_shape(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding);

// Whether the tiles serve this convolution of float32 on the CPU, and better than the library's.
bool direct_serves(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding, int64_t groups);

// Writes one row of one image: its channels one pixel after another.
using FillRow = c10::function_ref<void(int64_t row, float* to)>;

// One image amid zeros.
class PaddedImage {
 public:
  struct Border {
    int64_t top, left, bottom, right;
  };
  PaddedImage(int64_t height, int64_t width, int64_t channels, Border border);
  void fill(FillRow fill);
  void copy(const float* image);
  // Of a pixel, which may lie in the border.
  const float* at(int64_t row, int64_t column) const {
    return origin_ + row * row_step_ + column * channels_;
  }
  const float* row(int64_t row) const { return at(row, 0); }
  int64_t row_step() const { return row_step_; }

 private:
  int64_t height_, width_, channels_, row_step_;
  at::Tensor data_;
  float* origin_;  // of the first pixel that is no border
};

// A filter as the product tiles read it: blocks of output channels, each with `rows` runs of `length` inputs.
struct PackedFilter {
  struct Block {
    int64_t first, lanes, valid, offset;
  };
  std::vector<Block> blocks;
  int64_t rows, length;
  at::Tensor data;
  const float *values, *start;  // start: the bias, a block after another
};

class DirectForward {
 public:
  DirectForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias);
  PaddedImage scratch() const;
  // y = convolution of the image in x.
  void image(const PaddedImage& x, float* y) const;

 private:
  ConvShape shape_;
  PackedFilter filter_;
};

class DirectBackward {
 public:
  DirectBackward(const ConvShape& shape, const at::Tensor& filter, bool need_x);
  PaddedImage input_scratch() const;
  PaddedImage gradient_scratch() const;
  // Of one thread, to be added up by `filter_gradient`.
  at::Tensor filter_sums() const;
  // dx of the image whose output's gradient is in d.
  void input_gradient(const PaddedImage& d, float* dx) const;
  void add_filter_gradient(const PaddedImage& x, const PaddedImage& d, float* sums) const;
  at::Tensor filter_gradient(const std::vector<at::Tensor>& sums) const;

 private:
  // Rows (or columns) `first`, `first + stride`, … of the input, which the same taps of the filter reach.
  struct Phase {
    int64_t first, taps, start;  // start: row of the gradient that the first of the taps reads, for the first row
  };
  std::vector<Phase> phases(int64_t taps, int64_t size) const;
  ConvShape shape_;
  std::vector<Phase> vertical_, horizontal_;
  std::vector<PackedFilter> filters_;  // by vertical, then horizontal phase
};

struct ConvGradients {
  at::Tensor x, filter, bias;  // in TensorFlow.js's layouts; undefined where not asked for
};

// `after(thread, image)` runs when that image's result lies in y.
at::Tensor direct_conv(const at::Tensor& x, const at::Tensor& filter, const at::Tensor* bias, const ConvShape& shape,
                       c10::function_ref<void(int64_t thread, int64_t image, const float* y)> after);

// `fill(image, row, to)` writes a row of the gradient of the result; x is read for the filter's gradient alone, and with
// `reuse_x` its own gradient takes its place.
ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const at::Tensor& filter,
                                   const ConvShape& shape, bool need_x, bool reuse_x, bool need_filter, bool need_bias,
                                   c10::function_ref<void(int64_t image, int64_t row, float* to)> fill);

// Runs f(thread, first, last) for each thread's share of the images: the same whenever the number of threads is.
int64_t image_threads(int64_t images);
void for_images(int64_t images, c10::function_ref<void(int64_t thread, int64_t first, int64_t last)> f);

}  // namespace locallearn
