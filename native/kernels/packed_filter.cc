#include "packed_filter.h"

namespace locallearn {

std::vector<PackedFilter::Block> blocks_of(int64_t channels, int64_t values_per_lane) {
  std::vector<PackedFilter::Block> blocks;
  int64_t offset = 0;
  const bool twice = tiles()->twice.pixels > 0;
  for (int64_t first = 0; first < channels;) {
    const int64_t left = channels - first;
    const int64_t lanes = twice && left >= kDouble ? kDouble : left > kNarrow ? kWide : kNarrow;
    blocks.push_back({first, lanes, std::min(lanes, left), offset});
    first += lanes;
    offset += lanes * values_per_lane;
  }
  return blocks;
}

void product_row(const PackedFilter& filter, const float* const* rows, int64_t width, int64_t x_step, float* y,
                 int64_t y_step) {
  constexpr int64_t kMostRows = 16;
  for (const auto& block : filter.blocks) {
    const TileSet& set = tiles()->of(block.lanes);
    const Tiling tiling(width, set.pixels);
    const float* here[kMostRows];
    std::copy_n(rows, filter.rows, here);
    float* to = y + block.first;
    for (int64_t i = 0; i < tiling.count; i++) {
      const int64_t pixels = tiling.size(i);
      set.product[pixels - 1](here, filter.rows, filter.length, filter.values + block.offset,
                              filter.start + block.first, x_step, to, y_step, block.valid);
      for (int64_t r = 0; r < filter.rows; r++) here[r] += pixels * x_step;
      to += pixels * y_step;
    }
  }
}

void add_products(Pixels x, int64_t values, Pixels d, int64_t channels, int64_t rows, int64_t width, float* sums,
                  int64_t lanes) {
  for (const auto& block : blocks_of(channels, 0)) {
    const TileSet& set = tiles()->of(block.lanes);
    const Tiling tiling(values, set.values);
    const Pixels gradient{d.data + block.first, d.row, d.step};
    Pixels from = x;
    float* to = sums + block.first;
    for (int64_t i = 0; i < tiling.count; i++) {
      const int64_t count = tiling.size(i);
      set.outer[count - 1](from, gradient, rows, width, to, lanes);
      from.data += count;
      to += count * lanes;
    }
  }
}

}  // namespace locallearn
