// Convolutions of stride 1 of maps that are resized to more pixels first. Resizing treats all channels alike, so the filter's
// taps may add these up before it, on fewer pixels: what each tap makes is then resized, moved by the tap, and added up.
#pragma once

#include "conv_shape.h"
#include "packed_filter.h"
#include "padded_image.h"
#include "resize.h"
#include "rows.h"

#include <optional>
#include <vector>

namespace locallearn {

// Whether that is less work than to convolve the resized map.
bool upsampled_serves(const ConvShape& shape, const Resize& resize);

// Sums of rows of floats, each at its place.
struct WeightedSums {
  std::vector<WeightedSum> sums;
  std::vector<Weighted> terms;  // of one sum after another
  void add_up(const float* x, int64_t floats, float* y) const {
    row_loops().add_up(x, sums.data(), sums.size(), terms.data(), floats, y);
  }
};

// Both directions keep of an image, for each tap, what it makes of the pixels before resizing, [height, width, taps, out]:
// `taps`; and that resized along rows, [height, filter height, out width, out]: `lines`.
class UpsampledForward {
 public:
  UpsampledForward(const ConvShape& shape, const Resize& resize, const at::Tensor& filter, const at::Tensor* bias);
  // Of one thread.
  struct Scratch {
    at::Tensor taps, lines;
  };
  Scratch scratch() const;
  // y = convolution of the resized image.
  void image(const float* x, Scratch& scratch, float* y) const;

 private:
  ConvShape shape_;
  Resize::Size from_;
  at::Tensor bias_;  // undefined: none
  PackedFilter filter_;
  WeightedSums columns_, rows_;
};

class UpsampledBackward {
 public:
  UpsampledBackward(const ConvShape& shape, const Resize& resize, const at::Tensor& filter, bool need_x, bool need_filter);
  // Of one thread. `d` is the gradient of the output; the filter's gradient gathers in `sums`.
  struct Scratch {
    at::Tensor d, lines, taps, sums;
  };
  Scratch scratch() const;
  // The gradient of an image's result, which those of the image and of the filter are made from.
  void read(FillRow d, Scratch& scratch) const;
  void add_filter_gradient(const float* x, Scratch& scratch) const;
  void input_gradient(Scratch& scratch, float* dx) const;
  void finish(Scratch&) const {}
  at::Tensor filter_gradient(const std::vector<std::optional<Scratch>>& threads) const;

 private:
  ConvShape shape_;
  Resize::Size from_;
  bool need_filter_;
  PackedFilter filter_;  // from taps' outputs to inputs
  WeightedSums columns_, rows_;
};

}  // namespace locallearn
