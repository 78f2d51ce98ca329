// Convolution image by image on our own tiles (tiles.h), for the small filters and channel counts that CIFAR networks
// and auxiliary nets are made of. One image's input and its gradient lie in a scratch with a border of zeros, small
// enough to stay in the cache, so whatever comes before or after a convolution (batch normalisation, ReLU) can be done
// on an image while it is there.
#pragma once

#include "optional.h"
#include "packed_filter.h"
#include "padded_image.h"
#include "quads.h"
#include "resize.h"

#include <ATen/ATen.h>
#include <c10/util/FunctionRef.h>

#include <optional>
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

// Whether the tiles serve convolutions with this filter, in some strides and on some maps: they read it contiguous.
bool direct_reads(const at::Tensor& filter);

// Whether the tiles serve this convolution of float32 on the CPU, and better than the library's.
bool direct_serves(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding, int64_t groups);

class DirectForward {
 public:
  DirectForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias);
  // Of one thread.
  struct Scratch {
    std::optional<QuadFilter::Scratch> quads;
  };
  Scratch scratch() const;
  // Whether images are read with their padding in memory.
  bool padded() const { return !quads_; }
  // y = convolution of the image.
  void image(const ImageView& x, Scratch& scratch, float* y) const;

 private:
  ConvShape shape_;
  std::optional<QuadFilter> quads_;  // or, where it does not serve:
  PackedFilter filter_;
};

class DirectBackward {
 public:
  DirectBackward(const ConvShape& shape, const at::Tensor& filter, bool need_x, bool need_filter);
  // Of one thread. `d` is the gradient of the output; the filter's gradient gathers in `sums`.
  struct Scratch {
    PaddedImage d;
    std::optional<QuadFilter::Scratch> quads;
    std::optional<QuadGradient::Scratch> quad_sums;
    at::Tensor sums;
  };
  Scratch scratch() const;
  // Whether images are read with their padding in memory.
  bool padded() const { return need_filter_ && !quad_gradient_; }
  void input_gradient(Scratch& scratch, float* dx) const;
  void add_filter_gradient(const ImageView& x, Scratch& scratch) const;
  // To be called by each thread when the gradients of all its images are added.
  void finish(Scratch& scratch) const;
  at::Tensor filter_gradient(const std::vector<std::optional<Scratch>>& threads) const;

 private:
  // Rows (or columns) `first`, `first + stride`, … of the input, which the same taps of the filter reach.
  struct Phase {
    int64_t first, taps, start;  // start: row of the gradient that the first of the taps reads, for the first row
  };
  std::vector<Phase> phases(int64_t taps, int64_t size) const;
  PaddedImage gradient_scratch() const;

  ConvShape shape_;
  bool need_filter_;
  std::vector<Phase> vertical_, horizontal_;
  std::optional<QuadFilter> quads_;
  std::optional<QuadGradient> quad_gradient_;
  std::vector<PackedFilter> filters_;  // by vertical, then horizontal phase
};

struct ConvGradients {
  at::Tensor x, filter, bias;  // in TensorFlow.js's layouts; undefined where not asked for
};

// With `resize`, x holds the images before they are resized to what the convolution, and `shape`, reads: resized maps and
// their gradients are in memory an image a thread. `after(thread, image, y)` runs when that image's result lies in y, and
// may change it.
at::Tensor direct_conv(const at::Tensor& x, const at::Tensor& filter, const at::Tensor* bias, const ConvShape& shape,
                       const Resize* resize,
                       c10::function_ref<void(int64_t thread, int64_t image, float* y)> after);

// `fill(image, row, to)` writes a row of the gradient of the result; x is read for the filter's gradient alone, and with
// `reuse_x` its own gradient takes its place.
ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const at::Tensor& filter,
                                   const ConvShape& shape, const Resize* resize, bool need_x, bool reuse_x,
                                   bool need_filter, bool need_bias,
                                   c10::function_ref<void(int64_t image, int64_t row, float* to)> fill);

// Runs f(thread, first, last) for each thread's share of the images: the same whenever the number of threads is.
int64_t image_threads(int64_t images);
void for_images(int64_t images, c10::function_ref<void(int64_t thread, int64_t first, int64_t last)> f);

}  // namespace locallearn
