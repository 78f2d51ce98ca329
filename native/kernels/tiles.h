// The inner loops of direct convolution.
#pragma once

#include <cstdint>

namespace locallearn {

// For every pixel p of `width` and channel c of a tile:
// y[p·y_step + c] = start[c] + Σ_r Σ_t rows[r][p·x_step + t] · w[(r·length + t)·lanes + c].
// Only the first `valid` channels are stored.
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

// The transforms of quads.h. Pixels follow one another; `plane` floats lie between the planes of two products, `step` between
// quads in a plane, where that isn't their number of channels.
struct QuadLoops {
  // Of `quads` quads, the first of which reads `rows`, four of x, from `column` on; those not among their `width` are 0.
  void (*inputs)(const float* const* rows, int64_t width, int64_t column, int64_t quads, int64_t channels, float* to,
                 int64_t plane);
  // Of two rows.
  void (*gradients)(const float* const* rows, int64_t quads, int64_t channels, float* to, int64_t step, int64_t plane);
  // `width` pixels of two rows, or one where the second is null.
  void (*results)(const float* products, int64_t step, int64_t plane, int64_t width, int64_t channels,
                  float* const* rows);
  // A filter [3, 3, in, out] of which the first `valid` outputs are read, to planes of [in, lanes].
  void (*filter)(const float* filter, int64_t in, int64_t out, int64_t valid, int64_t lanes, float* to, int64_t plane);
};

struct Tiles {
  TileSet twice, wide, narrow;  // `twice` is empty where registers are few
  QuadLoops quads;
  // Multiplies and adds in registers, `times` over: the processor's peak. Returns how many operations that were.
  int64_t (*multiply_adds)(int64_t times);
  const TileSet& of(int64_t lanes) const { return lanes == kDouble ? twice : lanes == kWide ? wide : narrow; }
};

// Null where the processor has neither AVX2 with FMA nor AVX-512.
const Tiles* tiles();

}  // namespace locallearn
