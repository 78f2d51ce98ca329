// The bodies of the tiles, for whatever vectors the including file's instruction set has.
#pragma once

#include "tiles.h"
#include "vectors.h"

#include <type_traits>

namespace locallearn {
namespace {

struct Floats {
  template <typename V>
  static LOCALLEARN_INLINE V multiply_add(const V& sum, const float* value, const V& weights) {
    return sum + all<V>(*value) * weights;
  }
};

// The loops over a tile's sums are unrolled, or else the compiler has these in memory before and after the inner loop.

// P pixels from `first` on; N vectors side by side are the tile's channels. `Cell` says what is multiplied: floats, or pairs.
template <typename Cell, typename V, int N, int P>
LOCALLEARN_INLINE void product_tile(const float* const* rows, int64_t row_count, int64_t length, const float* w,
                                    const float* start, int64_t first, int64_t width, int64_t x_step, float* y,
                                    int64_t y_step, int64_t valid) {
  constexpr int64_t kLanes = lanes_of<V>;
  V sum[P][N];
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) sum[p][n] = load<V>(start + n * kLanes);
  for (int64_t r = 0; r < row_count; r++) {
    const float* x = rows[r] + first * x_step;
    for (int64_t t = 0; t < length; t++, w += N * kLanes) {
      V weights[N];
#pragma GCC unroll 16
      for (int n = 0; n < N; n++) weights[n] = load<V>(w + n * kLanes);
#pragma GCC unroll 16
      for (int p = 0; p < P; p++) {
#pragma GCC unroll 16
        for (int n = 0; n < N; n++)
          sum[p][n] = Cell::template multiply_add<V>(sum[p][n], x + p * x_step + t, weights[n]);
      }
    }
  }
  // Where the tile's channels are more than there are, what is written of others' is overwritten by the next pixels', where
  // enough of these follow.
  int64_t in_place = P;  // pixels from the first on, or none where this is negative, whose whole vectors end within the row
  if (valid < N * kLanes) in_place = valid == y_step ? width - first - (N * kLanes - 1) / valid : 0;
  y += first * y_step;
  float spare[P * N * kLanes];
#pragma GCC unroll 16
  for (int p = 0; p < P; p++) {
    float* const to = p < in_place ? y + p * y_step : spare + p * N * kLanes;
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) store<V>(to + n * kLanes, sum[p][n]);
  }
  for (int64_t p = in_place < 0 ? 0 : in_place; p < P; p++)
    std::memcpy(y + p * y_step, spare + p * N * kLanes, valid * sizeof(float));
}

template <typename Cell, typename V, int N, int J>
LOCALLEARN_INLINE void outer_tile(Pixels x, Pixels d, int64_t rows, int64_t width, float* to, int64_t to_step) {
  constexpr int64_t kLanes = lanes_of<V>;
  V sum[J][N];
#pragma GCC unroll 16
  for (int j = 0; j < J; j++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) sum[j][n] = load<V>(to + j * to_step + n * kLanes);
  for (int64_t r = 0; r < rows; r++) {
    const float *px = x.data + r * x.row, *pd = d.data + r * d.row;
    for (int64_t i = 0; i < width; i++, px += x.step, pd += d.step) {
      V gradient[N];
#pragma GCC unroll 16
      for (int n = 0; n < N; n++) gradient[n] = load<V>(pd + n * kLanes);
#pragma GCC unroll 16
      for (int j = 0; j < J; j++) {
#pragma GCC unroll 16
        for (int n = 0; n < N; n++) sum[j][n] = Cell::template multiply_add<V>(sum[j][n], px + j, gradient[n]);
      }
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < J; j++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) store<V>(to + j * to_step + n * kLanes, sum[j][n]);
}

// Calls f with `size`, from 1 to kMost, as an integral constant.
template <int kMost, typename F>
LOCALLEARN_INLINE void of_size(int64_t size, const F& f) {
  if constexpr (kMost > 1) {
    if (size < kMost) return of_size<kMost - 1>(size, f);
  }
  f(std::integral_constant<int, kMost>());
}

// Calls f(tile, first) with integral constants for the sizes of tiles that `size` is cut into: as few and as equal as they
// can be, as of a Tiling, which is not local to an instruction set.
template <int kMost, typename F>
LOCALLEARN_INLINE void each_tile(int64_t size, const F& f) {
  const int64_t count = (size + kMost - 1) / kMost;
  const int64_t small = size / count, larger = size % count;
  for (int64_t i = 0, first = 0; i < count; i++) {
    const int64_t tile = small + (i < larger);
    of_size<kMost>(tile, [&](auto constant) { f(constant, first); });
    first += tile;
  }
}

template <typename Cell, typename V, int N, int kPixels>
void product_tiles(const float* const* rows, int64_t row_count, int64_t length, const float* w, const float* start,
                   int64_t width, int64_t x_step, float* y, int64_t y_step, int64_t valid) {
  each_tile<kPixels>(width, [&](auto pixels, int64_t first) {
    product_tile<Cell, V, N, pixels()>(rows, row_count, length, w, start, first, width, x_step, y, y_step, valid);
  });
}

template <typename Cell, typename V, int N, int kValues>
void outer_tiles(Pixels x, int64_t values, Pixels d, int64_t rows, int64_t width, float* to, int64_t to_step) {
  each_tile<kValues>(values, [&](auto count, int64_t first) {
    outer_tile<Cell, V, N, count()>({x.data + first, x.row, x.step}, d, rows, width, to + first * to_step, to_step);
  });
}

// K sums, enough for none to wait for its last.
template <typename V, int K>
int64_t multiply_adds(int64_t times) {
  const V factor = all<V>(0.5f), addend = all<V>(0.25f);
  V sum[K];
  // The compiler knows nothing of what they are before, and that they are read: else it would leave most of it out.
#pragma GCC unroll 16
  for (int k = 0; k < K; k++) asm volatile("" : "=x"(sum[k]) : "0"(addend));
  for (int64_t i = 0; i < times; i++) {
#pragma GCC unroll 16
    for (int k = 0; k < K; k++) sum[k] = sum[k] * factor + addend;
  }
#pragma GCC unroll 16
  for (int k = 0; k < K; k++) asm volatile("" : : "x"(sum[k]));
  return times * K * lanes_of<V> * 2;
}

// Tiles of N vectors and up to so many pixels, or values of j.
template <typename V, int N, int kPixels, int kValues, typename Cell = Floats>
constexpr TileSet tile_set() {
  return {product_tiles<Cell, V, N, kPixels>, outer_tiles<Cell, V, N, kValues>};
}

}  // namespace
}  // namespace locallearn
