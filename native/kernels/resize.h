// Bilinear resize of images, corners aligned, row by row: for whoever reads the rows of a resized image, or makes those
// of its gradient, and does not want the whole of it in memory.
#pragma once

#include "rows.h"

#include <cstdint>
#include <vector>

namespace locallearn {

class Resize {
 public:
  struct Size {
    int64_t height, width;
  };
  Resize(Size from, Size to, int64_t channels);
  // Floats of a row before resizing: the scratch that the other functions need.
  int64_t line_floats() const { return from_.width * channels_; }
  // Row `row` of the resized image.
  void row(const float* image, int64_t row, float* line, float* to) const;
  // Adds to `dx`, the gradient of the whole image, what row `row` of the resized image's gradient is to it.
  void add_gradient(const float* d, int64_t row, float* line, float* dx) const;
  // What each row, and each column, of the resized image lies between.
  const std::vector<Between>& rows() const { return rows_; }
  const std::vector<Between>& columns() const { return columns_; }
  // Of an image before resizing.
  Size from() const { return from_; }
  int64_t image_floats() const { return from_.height * line_floats(); }

 private:
  Size from_;
  int64_t channels_;
  std::vector<Between> rows_, columns_;
};

}  // namespace locallearn
