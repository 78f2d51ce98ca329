// The bodies of the tiles, for whatever vectors the including file's instruction set has.
#pragma once

#include "tiles.h"
#include "vectors.h"

#include <utility>

namespace locallearn {
namespace {

// The loops over a tile's sums are unrolled, or else the compiler has these in memory before and after the inner loop.

// N vectors side by side are the tile's channels.
template <typename V, int N, int P>
void product_tile(const float* const* rows, int64_t row_count, int64_t length, const float* w, const float* start,
                  int64_t x_step, float* y, int64_t y_step, int64_t valid) {
  constexpr int64_t kLanes = lanes_of<V>;
  V sum[P][N];
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) sum[p][n] = load<V>(start + n * kLanes);
  for (int64_t r = 0; r < row_count; r++) {
    const float* x = rows[r];
    for (int64_t t = 0; t < length; t++, w += N * kLanes) {
      V weights[N];
#pragma GCC unroll 16
      for (int n = 0; n < N; n++) weights[n] = load<V>(w + n * kLanes);
#pragma GCC unroll 16
      for (int p = 0; p < P; p++) {
        const V value = all<V>(x[p * x_step + t]);
#pragma GCC unroll 16
        for (int n = 0; n < N; n++) sum[p][n] += value * weights[n];
      }
    }
  }
  float spare[P * N * kLanes];
  const bool whole = valid == N * kLanes;
  float* const to = whole ? y : spare;
  const int64_t step = whole ? y_step : N * kLanes;
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) store<V>(to + p * step + n * kLanes, sum[p][n]);
  if (whole) return;
  for (int p = 0; p < P; p++) std::memcpy(y + p * y_step, spare + p * N * kLanes, valid * sizeof(float));
}

template <typename V, int N, int J>
void outer_tile(Pixels x, Pixels d, int64_t rows, int64_t width, float* to, int64_t to_step) {
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
        const V value = all<V>(px[j]);
#pragma GCC unroll 16
        for (int n = 0; n < N; n++) sum[j][n] += value * gradient[n];
      }
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < J; j++)
#pragma GCC unroll 16
    for (int n = 0; n < N; n++) store<V>(to + j * to_step + n * kLanes, sum[j][n]);
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

template <typename V, int N, int... P, int... J>
constexpr TileSet tile_set(std::integer_sequence<int, P...>, std::integer_sequence<int, J...>) {
  return {{product_tile<V, N, P + 1>...}, {outer_tile<V, N, J + 1>...}, sizeof...(P), sizeof...(J)};
}

// Tiles of N vectors and up to so many pixels, or values of j.
template <typename V, int N, int kPixels, int kValues>
constexpr TileSet tile_set() {
  static_assert(kPixels <= kMostInTile && kValues <= kMostInTile);
  return tile_set<V, N>(std::make_integer_sequence<int, kPixels>(), std::make_integer_sequence<int, kValues>());
}

}  // namespace
}  // namespace locallearn
