// Convolutions of stride 1 to so few channels, 3 mostly, that these would leave most of a tile empty: what all taps make of a
// pixel is computed at once, as the channels of a 1×1 convolution, and added up where it meets.
#pragma once

#include "conv_shape.h"
#include "packed_filter.h"
#include "padded_image.h"

#include <ATen/ATen.h>

#include <vector>

namespace locallearn {

// Whether that is less work than tap by tap.
bool few_outputs_serve(const ConvShape& shape);

class FewOutputsForward {
 public:
  FewOutputsForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias);
  // Of one thread: as many rows as the filter has, [width, lanes], amid zeros, one of zeros, and a row of results.
  struct Scratch {
    at::Tensor rows, line;
  };
  Scratch scratch() const;
  // y = convolution of the image.
  void image(const float* x, Scratch& scratch, float* y) const;

 private:
  int64_t row_floats() const { return (shape_.width + 2 * shape_.padding) * lanes_; }
  // A row of results from what the rows that it reads were made into.
  void add_up(const float* const* rows, float* line) const;

  ConvShape shape_;
  PackedFilter filter_;
  int64_t lanes_;
  float bias_[4];
};

// The filter's gradient, of what one row of taps reads of the gradients at once: their channels follow one another.
class FewOutputsGradient {
 public:
  explicit FewOutputsGradient(const ConvShape& shape);
  // Of one thread, in which the sums gather.
  at::Tensor scratch() const;
  // d is amid as many zeros as the taps reach.
  void add(const ImageView& x, const ImageView& d, float* sums) const;
  at::Tensor gradient(const at::Tensor& sums) const;

 private:
  ConvShape shape_;
  int64_t lanes_;
  std::vector<PackedFilter::Block> blocks_;
};

}  // namespace locallearn
