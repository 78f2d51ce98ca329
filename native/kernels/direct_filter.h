// Convolutions on tiles, image by image: those of 3×3 in quads, else tap by tap.
#pragma once

#include "conv_shape.h"
#include "few_outputs.h"
#include "image_access.h"
#include "packed_filter.h"
#include "padded_image.h"
#include "quads.h"
#include "resize.h"

#include <optional>
#include <vector>

namespace locallearn {

// Images that `resize` is given for are resized when they are read. With `pairs`, quads multiply bfloat16.
class DirectForward {
 public:
  DirectForward(const ConvShape& shape, const Resize* resize, const PairTiles* pairs, const at::Tensor& filter,
                const at::Tensor* bias);
  // Of one thread.
  struct Scratch {
    ImageAccess images;
    std::optional<QuadFilter::Scratch> quads;
  };
  Scratch scratch() const;
  // y = convolution of the image.
  void image(const float* x, Scratch& scratch, float* y) const;

 private:
  ConvShape shape_;
  const Resize* resize_;
  std::optional<QuadFilter> quads_;  // or, where it does not serve:
  PackedFilter filter_;
};

class DirectBackward {
 public:
  DirectBackward(const ConvShape& shape, const Resize* resize, const PairTiles* pairs, const at::Tensor& filter, bool need_x,
                 bool need_filter);
  // Of one thread. `d` is the gradient of the output; the filter's gradient gathers in `quad_sums` or in `sums`.
  struct Scratch {
    ImageAccess images;
    PaddedImage d;
    std::optional<QuadFilter::Scratch> quads;
    std::optional<QuadGradient::Scratch> quad_sums;
    at::Tensor sums;
  };
  Scratch scratch() const;
  // The gradient of an image's result, which those of the image and of the filter are made from.
  void read(FillRow d, Scratch& scratch) const { scratch.d.fill(d); }
  void add_filter_gradient(const float* x, Scratch& scratch) const;
  void input_gradient(Scratch& scratch, float* dx) const;
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
  void input_gradient_of(const ImageView& d, Scratch& scratch, float* dx) const;

  ConvShape shape_;
  const Resize* resize_;
  bool need_filter_;
  std::vector<Phase> vertical_, horizontal_;
  std::optional<QuadFilter> quads_;
  std::optional<QuadGradient> quad_gradient_;
  std::optional<FewOutputsGradient> few_gradient_;
  std::vector<PackedFilter> filters_;  // by vertical, then horizontal phase
};

}  // namespace locallearn
