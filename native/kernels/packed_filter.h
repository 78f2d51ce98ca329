// Filters in the order in which the product tiles read them.
#pragma once

#include "tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace locallearn {

// As many tiles as needed, as equal as they can be.
struct Tiling {
  int64_t count, small, larger;  // `larger` tiles have one more than `small`

  Tiling(int64_t size, int64_t most) : count((size + most - 1) / most), small(size / count), larger(size % count) {}
  int64_t size(int64_t index) const { return small + (index < larger); }
};

// A filter as the product tiles read it: blocks of output channels, each with `rows` runs of `length` inputs.
struct PackedFilter {
  struct Block {
    int64_t first, lanes, valid, offset;
  };
  std::vector<Block> blocks;
  int64_t rows, length;
  at::Tensor data;
  const float *values, *start;  // start: the bias, a block after another
};

// Of whole tiles that hold so many channels.
inline int64_t lanes_for(int64_t channels) { return (channels + kWide - 1) / kWide * kWide; }

std::vector<PackedFilter::Block> blocks_of(int64_t channels, int64_t values_per_lane);

// `value(row, t, channel)` gives the weights.
template <typename Value>
PackedFilter pack(int64_t rows, int64_t length, int64_t channels, const float* bias, const Value& value) {
  PackedFilter packed{blocks_of(channels, rows * length), rows, length, {}, nullptr, nullptr};
  const int64_t lanes = packed.blocks.empty() ? 0 : packed.blocks.back().first + packed.blocks.back().lanes;
  packed.data = at::empty({(rows * length + 1) * lanes}, at::kFloat);
  float* to = packed.data.data_ptr<float>();
  packed.values = to;
  for (const auto& block : packed.blocks) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t t = 0; t < length; t++, to += block.lanes) {
        for (int64_t lane = 0; lane < block.valid; lane++) to[lane] = value(r, t, block.first + lane);
        std::fill(to + block.valid, to + block.lanes, 0.f);
      }
  }
  packed.start = to;
  for (int64_t lane = 0; lane < lanes; lane++) *to++ = bias && lane < channels ? bias[lane] : 0;
  return packed;
}

// One row of output pixels: `rows` are where the runs of its first pixel begin.
void product_row(const PackedFilter& filter, const float* const* rows, int64_t width, int64_t x_step, float* y,
                 int64_t y_step);

// For every j of `values` and channel c of the blocks: sums[j·lanes + c] += Σ over the pixels of x[pixel][j] · d[pixel][c].
// Whole tiles are read of d, and added to `sums`, whatever lies there.
void add_products(const TileSets& tiles, const std::vector<PackedFilter::Block>& blocks, Pixels x, int64_t values, Pixels d,
                  int64_t rows, int64_t width, float* sums, int64_t lanes);

// The `sums` of all threads' scratches, in the memory of the first.
template <typename Threads>
const at::Tensor& sums_of(const Threads& threads) {
  const at::Tensor& sums = threads[0]->sums;
  for (size_t i = 1; i < threads.size(); i++) sums.add_(threads[i]->sums);
  return sums;
}

}  // namespace locallearn
