#include "few_outputs.h"

#include "vectors.h"

#include <algorithm>

namespace locallearn {
namespace {

constexpr int64_t kMostRows = 3;  // of a filter, and as many columns
// Rows of input and gradient that are added together: well inside the first-level cache.
constexpr int64_t kStripFloats = 4 << 10;

}  // namespace

bool few_outputs_serve(const ConvShape& s) {
  const int64_t taps = s.filter_height * s.filter_width;
  return s.stride == 1 && taps > 1 && s.out <= lanes_of<Four> && s.in >= kNarrow && taps * s.out <= kDouble;
}

FewOutputsForward::FewOutputsForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias)
    : shape_(shape), bias_{} {
  const int64_t in = shape.in, out = shape.out;
  const float* const values = filter.data_ptr<float>();
  filter_ = pack(1, in, shape.filter_height * shape.filter_width * out, nullptr, [=](int64_t, int64_t i, int64_t channel) {
    return values[(channel / out * in + i) * out + channel % out];
  });
  // Whole tiles are written, and of the last tap's channels a whole vector is read, which may end behind those.
  for (auto& block : filter_.blocks) block.valid = block.lanes;
  lanes_ = kDouble + lanes_of<Four>;
  if (bias) std::copy_n(bias->data_ptr<float>(), out, bias_);
}

FewOutputsForward::Scratch FewOutputsForward::scratch() const {
  return {at::zeros({(shape_.filter_height + 1) * row_floats()}, at::kFloat),
          at::empty({shape_.out_width * shape_.out + lanes_of<Four>}, at::kFloat)};
}

void FewOutputsForward::image(const float* x, Scratch& scratch, float* y) const {
  const int64_t height = shape_.height, width = shape_.width, taps = shape_.filter_height, padding = shape_.padding;
  float *const first = scratch.rows.data_ptr<float>(), *const line = scratch.line.data_ptr<float>();
  const auto made = [&](int64_t row) { return first + row % taps * row_floats(); };
  for (int64_t row = 0, next = 0; row < shape_.out_height; row++, y += shape_.out_width * shape_.out) {
    for (; next < std::min(height, row + taps - padding); next++) {
      const float* const from = x + next * width * shape_.in;
      product_row(filter_, &from, width, shape_.in, made(next) + padding * lanes_, lanes_);
    }
    const float* rows[kMostRows];
    for (int64_t tap = 0; tap < taps; tap++) {
      const int64_t at = row + tap - padding;
      rows[tap] = at >= 0 && at < height ? made(at) : first + taps * row_floats();
    }
    add_up(rows, line);
    std::copy_n(line, shape_.out_width * shape_.out, y);
  }
}

void FewOutputsForward::add_up(const float* const* rows, float* line) const {
  const float* taps[kMostRows * kMostRows];
  int64_t count = 0;
  for (int64_t row = 0; row < shape_.filter_height; row++)
    for (int64_t tap = 0; tap < shape_.filter_width; tap++, count++)
      taps[count] = rows[row] + tap * lanes_ + count * shape_.out;
  const Four bias = load<Four>(bias_);
  for (int64_t column = 0; column < shape_.out_width; column++, line += shape_.out) {
    Four sum = bias;
    for (int64_t tap = 0; tap < count; tap++) sum += load<Four>(taps[tap] + column * lanes_);
    // What is written beyond its channels the next pixel's overwrites.
    store<Four>(line, sum);
  }
}

FewOutputsGradient::FewOutputsGradient(const ConvShape& shape)
    : shape_(shape),
      lanes_(lanes_for(shape.filter_width * shape.out)),
      blocks_(blocks_of(shape.filter_width * shape.out, 0)) {}

at::Tensor FewOutputsGradient::scratch() const { return at::zeros({shape_.filter_height, shape_.in, lanes_}, at::kFloat); }

void FewOutputsGradient::add(const ImageView& x, const ImageView& d, float* sums) const {
  const int64_t most = std::max<int64_t>(1, kStripFloats / (x.row_step + d.row_step));
  // Input (i, j) reaches by the last tap of a row the first result that this row reaches.
  const int64_t column = shape_.padding - (shape_.filter_width - 1);
  for (int64_t first = 0; first < x.height; first += most) {
    const int64_t rows = std::min(most, x.height - first);
    for (int64_t tap = 0; tap < shape_.filter_height; tap++) {
      const Pixels gradients{d.at(first + shape_.padding - tap, column), d.row_step, shape_.out};
      add_products(tiles()->products, blocks_, {x.at(first, 0), x.row_step, shape_.in}, shape_.in, gradients, rows, x.width,
                   sums + tap * shape_.in * lanes_, lanes_);
    }
  }
}

at::Tensor FewOutputsGradient::gradient(const at::Tensor& sums) const {
  const int64_t taps = shape_.filter_width;
  return sums.narrow(2, 0, taps * shape_.out).unflatten(2, {taps, shape_.out}).flip(2).permute({0, 2, 1, 3}).contiguous();
}

}  // namespace locallearn
