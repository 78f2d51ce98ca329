#include "pairs.h"

namespace locallearn {
namespace {

// Transformed rows that are in use together, in all four planes: they stay in the first two levels of cache.
constexpr int64_t kStripBytes = 48 << 10;

int64_t pairs_in(int64_t width) { return (width + 1) / 2; }

}  // namespace

// Beyond the end lies what whole tiles read too.
PairedRows::PairedRows(int64_t rows, int64_t pairs, int64_t channels)
    : pairs_(pairs),
      channels_(channels),
      plane_(rows * pairs * channels + 5 * kWide),
      data_(at::empty({kPairProducts * plane_ + kWide}, at::kFloat)),
      first_(data_.data_ptr<float>()) {}

void PairedRows::read_inputs(const ImageView& x, int64_t row, int64_t column, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    const int64_t from = row + i, at = i * row_floats();
    if (from >= 0 && from < x.height) {
      tiles()->pairs.inputs(x.at(from, 0), x.width, column, pairs_, channels_, first_ + at, plane_);
      continue;
    }
    for (int product = 0; product < kPairProducts; product++) std::fill_n(plane(product) + at, row_floats(), 0.f);
  }
}

void PairedRows::read_gradients(const ImageView& d, int64_t row, int64_t rows) {
  for (int64_t i = 0; i < rows; i++)
    tiles()->pairs.gradients(d.at(row + i, 0), pairs_, channels_, first_ + i * row_floats(), plane_);
}

Tiling pair_strips(int64_t height, int64_t row_floats) {
  const int64_t rows = kStripBytes / static_cast<int64_t>(kPairProducts * row_floats * sizeof(float));
  return Tiling(height, std::max<int64_t>(2, rows - 2));
}

PairedFilter::Scratch PairedFilter::scratch(int64_t height, int64_t width) const {
  const int64_t pairs = pairs_in(width), rows = pair_strips(height, pairs * in_).size(0);
  return {PairedRows(rows + 2, pairs, in_), PairedRows(rows, pairs, out_)};
}

void PairedFilter::convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch,
                            float* y) const {
  auto& [inputs, products] = scratch;
  const int64_t pairs = pairs_in(width);
  const Tiling strips = pair_strips(height, inputs.row_floats());
  for (int64_t i = 0, first = 0; i < strips.count; i++) {
    const int64_t rows = strips.size(i);
    inputs.read_inputs(x, first + offset, offset, rows + 2);
    // Without borders the pairs of one row follow those of the row above: all rows of the strip are one.
    for (int product = 0; product < kPairProducts; product++) {
      const float* const top = inputs.plane(product);
      const float* const taps[] = {top, top + inputs.row_floats(), top + 2 * inputs.row_floats()};
      product_row(filters_[product], taps, rows * pairs, in_, products.plane(product), out_);
    }
    for (int64_t row = 0; row < rows; row++)
      tiles()->pairs.results(products.plane(0) + row * products.row_floats(), products.plane_floats(), width, out_,
                             y + (first + row) * width * out_);
    first += rows;
  }
}

PairedGradient::PairedGradient(int64_t height, int64_t width, int64_t in, int64_t out)
    : height_(height), width_(width), in_(in), out_(out), lanes_(lanes_for(out)) {}

PairedGradient::Scratch PairedGradient::scratch() const {
  const int64_t pairs = pairs_in(width_), rows = pair_strips(height_, pairs * in_).size(0);
  return {PairedRows(rows + 2, pairs, in_), PairedRows(rows, pairs, out_),
          at::zeros({kPairProducts, 3, in_, lanes_}, at::kFloat)};
}

void PairedGradient::add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const {
  auto& [inputs, gradients, sums] = scratch;
  const int64_t pairs = pairs_in(width_);
  const Tiling strips = pair_strips(height_, inputs.row_floats());
  const auto blocks = blocks_of(out_, 0);
  for (int64_t i = 0, first = 0; i < strips.count; i++) {
    const int64_t rows = strips.size(i);
    inputs.read_inputs(x, first + offset, offset, rows + 2);
    gradients.read_gradients(d, first, rows);
    for (int product = 0; product < kPairProducts; product++)
      for (const auto& block : blocks) {
        const TileSet& set = tiles()->of(block.lanes);
        const Tiling tiling(in_, set.values);
        const Pixels gradient{gradients.plane(product) + block.first, 0, out_};
        for (int64_t r = 0; r < 3; r++) {
          const float* from = inputs.plane(product) + r * inputs.row_floats();
          float* to = sums.data_ptr<float>() + (product * 3 + r) * in_ * lanes_ + block.first;
          for (int64_t t = 0; t < tiling.count; t++) {
            const int64_t values = tiling.size(t);
            set.outer[values - 1]({from, 0, in_}, gradient, 1, rows * pairs, to, lanes_);
            from += values;
            to += values * lanes_;
          }
        }
      }
    first += rows;
  }
}

at::Tensor PairedGradient::gradient(const std::vector<const Scratch*>& threads) const {
  const at::Tensor& sums = threads[0]->sums;
  for (size_t i = 1; i < threads.size(); i++) sums.add_(threads[i]->sums);
  const auto product = [&](int64_t i) { return sums[i]; };
  const at::Tensor both = product(1) + product(2);
  return at::stack({product(0) + both, product(1) - product(2), both - product(3)}, 1)
      .narrow(3, 0, out_)
      .contiguous();
}

}  // namespace locallearn
