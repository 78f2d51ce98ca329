// 3×3 convolutions in quads, four results, two by two, at once, which takes fewer products: of stride 1 16 for 36, and as many
// for the filter's gradient (Winograd's F(2×2, 3×3) and F(3×3, 2×2): Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2015, section 4); of stride 2 25 for 36 (quad_transforms.h).
#pragma once

#include "ahead.h"
#include "conv_shape.h"
#include "packed_filter.h"
#include "padded_image.h"
#include "tiles.h"

#include <algorithm>
#include <array>
#include <vector>

namespace locallearn {

// Whether quads make this convolution. Fewer channels leave too little to multiply for what the transforms cost.
inline bool quads_serve(const ConvShape& s) {
  return s.filter_height == 3 && s.filter_width == 3 && (s.stride == 1 ? s.padding <= 1 : s.padding == 1) &&
         std::min(s.in, s.out) > kNarrow;
}

// Which products quads are made of, in each dimension: term t multiplies plane inputs[t] and is added to plane results[t].
struct QuadScheme {
  QuadLoops Tiles::*loops;
  PairedQuads PairTiles::*paired;
  int inputs[kMostQuadTerms], results[kMostQuadTerms];
};

// A number for each term, in both dimensions.
using QuadTerms = std::array<int64_t, kMostQuadTerms * kMostQuadTerms>;

// Terms that are added up to one plane, in both dimensions.
constexpr int kMostQuadAdded = 4;

// Of the results, and of the inputs' gradient with the filter turned round.
const QuadScheme& forward_quads(int64_t stride);
const QuadScheme& backward_quads(int64_t stride);

// Some rows' quads of pixels, transformed: planes of [row][quad][channel] of floats, or of cells (tiles.h) in their place.
class QuadPlanes {
 public:
  // A row has `places` for quads or pairs of them, `step` floats apart: their channels, and what is left of whole tiles.
  QuadPlanes(int64_t planes, int64_t rows, int64_t places, int64_t step, bool whole);
  using ReadInputs = decltype(QuadLoops::inputs);
  using ReadGradients = decltype(QuadLoops::gradients);
  // To rows `to` to `to + rows` the `quads` that read x from row `row` and column `column` on.
  void read_inputs(ReadInputs read, const QuadSizes& sizes, const ImageView& x, int64_t row, int64_t column, int64_t quads,
                   int64_t to, int64_t rows);
  // The quads of gradients from row `row` on.
  void read_gradients(ReadGradients read, const ImageView& d, int64_t row, int64_t quads, int64_t to, int64_t rows);
  // Rows of y, of which `height` are left, from the products in the planes.
  void write_results(const QuadLoops& loops, int64_t rows, int64_t height, int64_t width, int64_t channels, float* y) const;
  float* plane(int64_t index) const { return first_ + index * plane_; }

 private:
  int64_t places_, step_, plane_;
  at::Tensor data_;
  std::vector<float> zeros_;
  float* first_;
};

class QuadFilter {
 public:
  // `filter` is [3, 3, in, out], contiguous. With `pairs`, bfloat16 is multiplied.
  QuadFilter(const QuadScheme& scheme, const PairTiles* pairs, int64_t in, int64_t out, const float* bias,
             const float* filter);

  // Of one thread.
  struct Scratch {
    QuadPlanes inputs, products;
  };
  Scratch scratch(int64_t height, int64_t width) const;

  // y = height × width results; the first quad reads x from row and column `offset` on.
  void convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch, float* y) const;

 private:
  // A plane of results: of so many planes of inputs, with what lies in each block behind the filters of so many.
  struct Product {
    int terms;
    std::array<int, kMostQuadAdded> inputs;
    int64_t place;
    const float* start;
  };
  int64_t quads_in(int64_t size) const { return (size + loops_.sizes.writes - 1) / loops_.sizes.writes; }
  Tiling strips(int64_t height, int64_t width) const;
  void pack(const float* filter, const QuadTerms& places, float* to) const;

  const QuadLoops& loops_;
  const TileSets& tiles_;
  const PairTiles* pairs_;
  QuadPlanes::ReadInputs read_;
  int64_t in_, cells_, out_, lanes_;  // cells: of an input quad
  std::vector<PackedFilter::Block> blocks_;
  std::vector<Product> products_;
  at::Tensor data_;
};

// The filter's gradient of images of height × width results.
class QuadGradient {
 public:
  QuadGradient(const QuadScheme& scheme, const PairTiles* pairs, int64_t height, int64_t width, int64_t in, int64_t out);
  // Of one thread. `sums` are to be added up by `gradient`; of the quads that are read, `filled` rows await that.
  struct Scratch {
    QuadPlanes inputs, gradients;
    at::Tensor sums;
    int64_t filled;
  };
  Scratch scratch() const;
  void add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const;
  // To be called when all images are added.
  void finish(Scratch& scratch, Ahead ahead = {}) const;
  at::Tensor gradient(const std::vector<const Scratch*>& threads) const;

 private:
  const QuadScheme& scheme_;
  const QuadLoops& loops_;
  const TileSets& tiles_;
  QuadPlanes::ReadInputs read_inputs_;
  QuadPlanes::ReadGradients read_gradients_;
  int64_t in_, out_, lanes_, rows_, quads_, places_, strip_;
  std::vector<PackedFilter::Block> blocks_;
};

}  // namespace locallearn
