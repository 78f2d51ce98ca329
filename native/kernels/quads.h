// 3×3 convolutions of stride 1 with 16 multiplications for 36: four results, two by two, come from sixteen inputs by sixteen
// products, and the nine entries of the filter's gradient from these and four gradients (Winograd's F(2×2, 3×3) and
// F(3×3, 2×2): Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4).
#pragma once

#include "ahead.h"
#include "conv_shape.h"
#include "packed_filter.h"
#include "padded_image.h"

#include <algorithm>
#include <array>
#include <vector>

namespace locallearn {

constexpr int kQuadProducts = 16;

// Whether quads make this convolution. Fewer channels leave too little to multiply for what the transforms cost.
inline bool quads_serve(const ConvShape& s) {
  return s.filter_height == 3 && s.filter_width == 3 && s.stride == 1 && s.padding <= 1 && std::min(s.in, s.out) > kNarrow;
}

// Some rows' quads of pixels, transformed: for each of the sixteen products a plane of [row][quad][channel].
class QuadRows {
 public:
  // `step` floats lie between a quad and the next: its channels, and what is left of whole tiles.
  QuadRows(int64_t rows, int64_t quads, int64_t channels, int64_t step);
  // To rows `to` to `to + rows` the quads that read x from row `row` and column `column` on.
  void read_inputs(const ImageView& x, int64_t row, int64_t column, int64_t to, int64_t rows);
  // The quads of gradients from row `row` on.
  void read_gradients(const ImageView& d, int64_t row, int64_t to, int64_t rows);
  // Rows of y, of which `height` are left, from the products in the planes.
  void write_results(int64_t rows, int64_t height, int64_t width, int64_t channels, float* y) const;
  float* plane(int product) const { return first_ + product * plane_; }
  int64_t row_floats() const { return quads_ * step_; }

 private:
  int64_t quads_, step_, plane_;
  at::Tensor data_, zeros_;
  float* first_;
};

class QuadFilter {
 public:
  // `filter` is [3, 3, in, out], contiguous.
  QuadFilter(int64_t in, int64_t out, const float* bias, const float* filter);

  // Of one thread.
  struct Scratch {
    QuadRows inputs, products;
  };
  Scratch scratch(int64_t height, int64_t width) const;

  // y = height × width results; that in row r and column c reads x from row r + offset and column c + offset on.
  void convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch, float* y) const;

 private:
  int64_t in_, out_, lanes_;
  std::array<PackedFilter, kQuadProducts> filters_;  // in one piece of memory
};

// The filter's gradient of images of height × width results.
class QuadGradient {
 public:
  QuadGradient(int64_t height, int64_t width, int64_t in, int64_t out);
  // Of one thread. `sums` are to be added up by `gradient`; of the quads that are read, `filled` rows await that.
  struct Scratch {
    QuadRows inputs, gradients;
    at::Tensor sums;
    int64_t filled;
  };
  Scratch scratch() const;
  void add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const;
  // To be called when all images are added.
  void finish(Scratch& scratch, Ahead ahead = {}) const;
  at::Tensor gradient(const std::vector<const Scratch*>& threads) const;

 private:
  int64_t in_, out_, lanes_, rows_, quads_, strip_;
};

}  // namespace locallearn
