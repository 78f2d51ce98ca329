// One image with a border of zeros, as convolutions read it.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/FunctionRef.h>

namespace locallearn {

// Writes one row of one image: its channels one pixel after another.
using FillRow = c10::function_ref<void(int64_t row, float* to)>;

// One image, contiguous or amid zeros. All beyond its border is taken for zeros too, where it isn't in memory.
struct ImageView {
  const float* data;  // of the first pixel that is no border
  int64_t height, width, channels, row_step;

  const float* at(int64_t row, int64_t column) const { return data + row * row_step + column * channels; }
};

// One image amid zeros.
class PaddedImage {
 public:
  struct Border {
    int64_t top, left, bottom, right;
  };
  PaddedImage(int64_t height, int64_t width, int64_t channels, Border border);
  void fill(FillRow fill);
  void copy(const float* image);
  ImageView view() const { return {origin_, height_, width_, channels_, row_step_}; }

 private:
  int64_t height_, width_, channels_, row_step_;
  at::Tensor data_;
  float* origin_;  // of the first pixel that is no border
};

}  // namespace locallearn
