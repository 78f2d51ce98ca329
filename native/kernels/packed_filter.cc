#include "packed_filter.h"

namespace locallearn {

std::vector<PackedFilter::Block> blocks_of(int64_t channels, int64_t values_per_lane) {
  std::vector<PackedFilter::Block> blocks;
  int64_t offset = 0;
  const bool twice = tiles()->products.twice.product != nullptr;
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
  for (const auto& block : filter.blocks)
    tiles()->products.of(block.lanes).product(rows, filter.rows, filter.length, filter.values + block.offset,
                                              filter.start + block.first, width, x_step, y + block.first, y_step, block.valid);
}

void add_products(const TileSets& tiles, const std::vector<PackedFilter::Block>& blocks, Pixels x, int64_t values, Pixels d,
                  int64_t rows, int64_t width, float* sums, int64_t lanes) {
  for (const auto& block : blocks)
    tiles.of(block.lanes).outer(x, values, {d.data + block.first, d.row, d.step}, rows, width, sums + block.first, lanes);
}

}  // namespace locallearn
