#include "quads.h"

namespace locallearn {
namespace {

// Transformed rows that are in use together, in all planes: they stay in the first two levels of cache.
constexpr int64_t kStripBytes = 48 << 10;
// But so many quads at least: the filter is read for each strip, and is the larger where channels are many.
constexpr int64_t kStripQuads = 16;
// As many quads are multiplied at once for the filter's gradient, of several images where these are small: its sums are
// read and written for each of them.
constexpr int64_t kGradientQuads = 64;

int64_t quads_in(int64_t size) { return (size + 1) / 2; }

// How many of so many rows of quads, each of so many transformed inputs a product, are computed at once.
Tiling quad_strips(int64_t rows, int64_t quads, int64_t channels) {
  const int64_t fitting = kStripBytes / static_cast<int64_t>(kQuadProducts * quads * channels * sizeof(float));
  return Tiling(rows, std::max(fitting, (kStripQuads + quads - 1) / quads));
}

}  // namespace

// Planes would lie in the same lines of the cache, were there nothing between them.
QuadRows::QuadRows(int64_t rows, int64_t quads, int64_t channels, int64_t step)
    : quads_(quads),
      step_(step),
      plane_(rows * quads * step + 5 * kWide),
      data_(at::empty({kQuadProducts * plane_}, at::kFloat)),
      zeros_(at::zeros({2 * (quads + 1) * channels}, at::kFloat)),
      first_(data_.data_ptr<float>()) {
  // What whole tiles read and nobody writes: any number would do, but those near zero are slow.
  if (channels < step) data_.zero_();
}

void QuadRows::read_inputs(const ImageView& x, int64_t row, int64_t column, int64_t to, int64_t rows) {
  const float* from[4];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < 4; j++) {
      const int64_t at = row + 2 * i + j;
      from[j] = at >= 0 && at < x.height ? x.at(at, 0) : zeros_.data_ptr<float>();
    }
    tiles()->quads.inputs(from, x.width, column, quads_, step_, first_ + (to + i) * row_floats(), plane_);
  }
}

void QuadRows::read_gradients(const ImageView& d, int64_t row, int64_t to, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    const float* const from[] = {d.at(row + 2 * i, 0), d.at(row + 2 * i + 1, 0)};
    tiles()->quads.gradients(from, quads_, d.channels, first_ + (to + i) * row_floats(), step_, plane_);
  }
}

void QuadRows::write_results(int64_t rows, int64_t height, int64_t width, int64_t channels, float* y) const {
  for (int64_t i = 0; i < rows; i++) {
    float* const upper = y + 2 * i * width * channels;
    float* const to[] = {upper, 2 * i + 1 < height ? upper + width * channels : nullptr};
    tiles()->quads.results(first_ + i * row_floats(), step_, plane_, width, channels, to);
  }
}

QuadFilter::QuadFilter(int64_t in, int64_t out, const float* bias, const float* filter)
    : in_(in), out_(out), lanes_(0) {
  auto blocks = blocks_of(out, in);
  for (const auto& block : blocks) lanes_ += block.lanes;
  const int64_t plane = in * lanes_;
  const at::Tensor data = at::empty({kQuadProducts * plane + 2 * lanes_}, at::kFloat);
  float* const to = data.data_ptr<float>();
  for (auto& block : blocks) {
    tiles()->quads.filter(filter + block.first, in, out, block.valid, block.lanes, to + block.offset, plane);
    // The planes of products hold whole tiles.
    block.valid = block.lanes;
  }
  float* const zeros = to + kQuadProducts * plane;
  float* const start = zeros + lanes_;
  std::fill_n(zeros, 2 * lanes_, 0.f);
  if (bias) std::copy_n(bias, out, start);
  // A bias on product 5 reaches all four results.
  for (int product = 0; product < kQuadProducts; product++)
    filters_[product] = {blocks, 1, in, data, to + product * plane, product == 5 ? start : zeros};
}

QuadFilter::Scratch QuadFilter::scratch(int64_t height, int64_t width) const {
  const int64_t quads = quads_in(width), rows = quad_strips(quads_in(height), quads, in_).size(0);
  return {QuadRows(rows, quads, in_, in_), QuadRows(rows, quads, out_, lanes_)};
}

void QuadFilter::convolve(const ImageView& x, int64_t offset, int64_t height, int64_t width, Scratch& scratch,
                          float* y) const {
  auto& [inputs, products] = scratch;
  const int64_t quads = quads_in(width);
  const Tiling strips = quad_strips(quads_in(height), quads, in_);
  for (int64_t i = 0, first = 0; i < strips.count; i++) {
    const int64_t rows = strips.size(i);
    inputs.read_inputs(x, 2 * first + offset, offset, 0, rows);
    float* const to = y + 2 * first * width * out_;
    // While this strip is multiplied: the rows that the next reads, of this image or of the one behind it, and the results.
    const int64_t next = std::min(2 * (first + rows) + offset + 2, x.height);
    Ahead next_rows(x.at(next, 0), 2 * rows * x.row_step, kQuadProducts);
    Ahead results(to, 2 * rows * width * out_, kQuadProducts);
    for (int product = 0; product < kQuadProducts; product++) {
      next_rows.fetch();
      results.fetch();
      const float* const from = inputs.plane(product);
      product_row(filters_[product], &from, rows * quads, in_, products.plane(product), lanes_);
    }
    products.write_results(rows, height - 2 * first, width, out_, to);
    first += rows;
  }
}

QuadGradient::QuadGradient(int64_t height, int64_t width, int64_t in, int64_t out)
    : in_(in),
      out_(out),
      lanes_(lanes_for(out)),
      rows_(quads_in(height)),
      quads_(quads_in(width)),
      strip_((kGradientQuads + quads_ - 1) / quads_) {}

QuadGradient::Scratch QuadGradient::scratch() const {
  return {QuadRows(strip_, quads_, in_, in_), QuadRows(strip_, quads_, out_, lanes_),
          at::zeros({kQuadProducts, in_, lanes_}, at::kFloat), 0};
}

void QuadGradient::add(const ImageView& x, int64_t offset, const ImageView& d, Scratch& scratch) const {
  for (int64_t first = 0; first < rows_;) {
    const int64_t rows = std::min(strip_ - scratch.filled, rows_ - first);
    scratch.inputs.read_inputs(x, 2 * first + offset, offset, scratch.filled, rows);
    scratch.gradients.read_gradients(d, 2 * first, scratch.filled, rows);
    scratch.filled += rows;
    first += rows;
    if (scratch.filled < strip_) continue;
    // While these are multiplied: the rows of x that come next, of this image or of the one behind it.
    const int64_t next = std::min(2 * first + offset + 2, x.height);
    finish(scratch, {x.at(next, 0), 2 * strip_ * x.row_step, kQuadProducts});
  }
}

void QuadGradient::finish(Scratch& scratch, Ahead ahead) const {
  const int64_t quads = scratch.filled * quads_;
  scratch.filled = 0;
  if (quads == 0) return;
  for (int product = 0; product < kQuadProducts; product++) {
    ahead.fetch();
    add_products({scratch.inputs.plane(product), 0, in_}, in_, {scratch.gradients.plane(product), 0, lanes_}, out_, 1, quads,
                 scratch.sums.data_ptr<float>() + product * in_ * lanes_, lanes_);
  }
}

at::Tensor QuadGradient::gradient(const std::vector<const Scratch*>& threads) const {
  const at::Tensor gradient = at::empty({3, 3, in_, out_}, at::kFloat);
  const float* const from = sums_of(threads).data_ptr<float>();
  float* const to = gradient.data_ptr<float>();
  // In double precision, as the filters' transform is.
  const auto taps = [](const double* products, double* three) {
    const double both = products[1] + products[2];
    three[0] = products[0] + both;
    three[1] = products[1] - products[2];
    three[2] = both - products[3];
  };
  for (int64_t i = 0; i < in_; i++)
    for (int64_t o = 0; o < out_; o++) {
      double rows[4][3], column[4], three[3];
      for (int row = 0; row < 4; row++) {
        for (int j = 0; j < 4; j++) column[j] = from[((row * 4 + j) * in_ + i) * lanes_ + o];
        taps(column, rows[row]);
      }
      for (int j = 0; j < 3; j++) {
        for (int row = 0; row < 4; row++) column[row] = rows[row][j];
        taps(column, three);
        for (int row = 0; row < 3; row++) to[((row * 3 + j) * in_ + i) * out_ + o] = three[row];
      }
    }
  return gradient;
}

}  // namespace locallearn
