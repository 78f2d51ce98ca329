// The inner loops of direct convolution.
#pragma once

#include <cstdint>

namespace locallearn {

// For every pixel p of `width` and channel c of a tile:
// y[p·y_step + c] = start[c] + Σ_r Σ_t rows[r][p·x_step + t] · w[(r·length + t)·lanes + c].
// Only the first `valid` channels are stored; where these follow one another, y_step = valid, the others' places in the same
// row are written before they get their own, so nobody else may write that row meanwhile.
using ProductTiles = void (*)(const float* const* rows, int64_t row_count, int64_t length, const float* w,
                              const float* start, int64_t width, int64_t x_step, float* y, int64_t y_step,
                              int64_t valid);

struct Pixels {
  const float* data;
  int64_t row, step;  // floats from row to row, from pixel to pixel
};
// For every j of `values` and channel c of a tile: sum[j·sum_step + c] += Σ over the pixels of x[pixel][j] · d[pixel][c].
// Whole tiles are read of d and added to `sum`, whatever lies there.
using OuterTiles = void (*)(Pixels x, int64_t values, Pixels d, int64_t rows, int64_t width, float* sum,
                            int64_t sum_step);

constexpr int64_t kDouble = 32, kWide = 16, kNarrow = 8;  // channels of a tile

struct TileSet {
  ProductTiles product;
  OuterTiles outer;
};

// Of quads (quads.h), in each dimension: so many inputs are read by a quad, so many lie between what a quad and the next read,
// and so many results are written. The inputs become `inputs` planes, which are multiplied with the filter in `terms`
// products, which add up to `results` planes.
struct QuadSizes {
  int reads, step, writes, inputs, terms, results;
};
constexpr QuadSizes kDenseQuads{4, 2, 2, 4, 4, 4}, kStridedQuads{5, 4, 2, 5, 5, 3}, kSpreadQuads{3, 2, 4, 4, 5, 5};
constexpr int kMostQuadReads = 5, kMostQuadWrites = 4, kMostQuadTerms = 5;

// The transforms of quads. Pixels follow one another; `plane` floats lie between planes, `step` between quads in a plane, where
// that isn't their number of channels.
struct QuadLoops {
  QuadSizes sizes;
  // Of `quads` quads, the first of which reads `rows`, so many of x, from `column` on; those not among their `width` are 0.
  void (*inputs)(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                 int64_t plane);
  // `width` pixels of the rows that are written, but for those that are null.
  void (*results)(const float* products, int64_t step, int64_t plane, int64_t width, int64_t channels,
                  float* const* rows);
  // Nine taps, `tap` floats apart, of one input and `valid` outputs, to so many lanes of planes that lie so far behind `to`.
  void (*filter)(const float* filter, int64_t tap, int64_t valid, int64_t lanes, float* to, const int64_t* planes);
  // For the filter's gradient, where that is asked for: of the gradients in two rows,
  void (*gradients)(const float* const* rows, int64_t quads, int64_t channels, float* to, int64_t step, int64_t plane);
  // and of the terms' sums to that of nine taps, with `tap` floats between them.
  void (*taps)(const float* sums, int64_t plane, int64_t channels, float* to, int64_t tap);
};

struct TileSets {
  TileSet twice, wide, narrow;  // `twice` is empty where registers are few
  const TileSet& of(int64_t lanes) const { return lanes == kDouble ? twice : lanes == kWide ? wide : narrow; }
};

struct Tiles {
  TileSets products;
  // Of stride 1, of stride 2, and the inputs' gradient of stride 2.
  QuadLoops dense, strided, spread;
  // Multiplies and adds in registers, `times` over: the processor's peak. Returns how many operations that were.
  int64_t (*multiply_adds)(int64_t times);
};

// Null where the processor has neither AVX2 with FMA nor AVX-512.
const Tiles* tiles();

// Products of bfloat16, two at once: what tiles above read as floats are cells of two numbers each, whose products are added up
// in float32. The cells of quads are made as `QuadLoops` makes floats, and `plane` counts cells.
struct PairedQuads {
  // Of channels 2i and 2i + 1. Where their number is odd, the last cells' other halves are left alone.
  void (*inputs)(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                 int64_t plane);
  // Of quads 2q and 2q + 1, for the filter's gradient; behind an odd number's last comes 0.
  void (*inputs_across)(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                        int64_t plane);
  void (*gradients_across)(const float* const* rows, int64_t quads, int64_t channels, float* to, int64_t step,
                           int64_t plane);
};

struct PairTiles {
  TileSets products;
  PairedQuads dense, strided, spread;
  // cells[i] = first[i] and second[i], rounded.
  void (*pair)(const float* first, const float* second, int64_t count, float* cells);
};

// Null where the processor has no AVX512_BF16.
const PairTiles* pair_tiles();

}  // namespace locallearn
