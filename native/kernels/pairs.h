// 3×3 convolutions of stride 1 with two thirds of the multiplications: along a row, two results come from four inputs by
// four products instead of six, and three entries of the filter's gradient by four (Winograd's F(2, 3) and F(3, 2): Lavin
// and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4). Along rows alone, so
// that the product tiles serve as they are, with long runs also where channels are few.
#pragma once

#include "packed_filter.h"
#include "padded_image.h"

#include <array>
#include <vector>

namespace locallearn {

constexpr int kPairProducts = 4;

// Some rows' pairs of pixels, transformed: for each of the four products a plane of [row][pair][channel].
class PairedRows {
 public:
  PairedRows(int64_t rows, int64_t pairs, int64_t channels);
  // Row `row` and those below, from column `column` on, as a convolution reads them.
  void read_inputs(const ImageView& x, int64_t row, int64_t column, int64_t rows);
  void read_gradients(const ImageView& d, int64_t row, int64_t rows);
  float* plane(int product) const { return first_ + product * plane_; }
  int64_t plane_floats() const { return plane_; }
  int64_t row_floats() const { return pairs_ * channels_; }

 private:
  int64_t pairs_, channels_, plane_;
  at::Tensor data_;
  float* first_;
};

// How many rows of results, each of `row_floats` transformed inputs a product, are computed at once.
Tiling pair_strips(int64_t height, int64_t row_floats);

class PairedFilter {
 public:
  // `value(row, column, from, to)` gives the weights.
  template <typename Value>
  PairedFilter(int64_t in, int64_t out, const float* bias, const Value& value) : in_(in), out_(out) {
    for (int product = 0; product < kPairProducts; product++) {
      // A bias on the second product reaches both results.
      filters_[product] = pack(3, in, out, product == 1 ? bias : nullptr, [&](int64_t r, int64_t c, int64_t o) {
        const float first = value(r, 0, c, o), middle = value(r, 1, c, o), last = value(r, 2, c, o);
        switch (product) {
          case 0: return first;
          case 1: return (first + middle + last) / 2;
          case 2: return (first - middle + last) / 2;
          default: return last;
        }
      });
    }
  }

  // Of one thread.
  struct Scratch {
    PairedRows inputs, products;
  };
  Scratch scratch(int64_t height, int64_t width) const;

  // y = height × width results; that in row r and column c reads x from row r + offset and column c + offset on.
  void convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch, float* y) const;

 private:
  int64_t in_, out_;
  std::array<PackedFilter, kPairProducts> filters_;
};

// The filter's gradient of images of height × width results.
class PairedGradient {
 public:
  PairedGradient(int64_t height, int64_t width, int64_t in, int64_t out);
  // Of one thread. `sums` are to be added up by `gradient`.
  struct Scratch {
    PairedRows inputs, gradients;
    at::Tensor sums;
  };
  Scratch scratch() const;
  void add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const;
  at::Tensor gradient(const std::vector<const Scratch*>& threads) const;

 private:
  int64_t height_, width_, in_, out_, lanes_;
};

}  // namespace locallearn
