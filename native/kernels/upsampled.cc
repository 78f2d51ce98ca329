#include "upsampled.h"

#include "quads.h"

#include <algorithm>

namespace locallearn {
namespace {

// What is added up runs on memory, and takes so many times what is multiplied from registers does.
constexpr double kAddingUp = 1.5;
// Of a thread, where the resized image itself is smaller.
constexpr int64_t kMostScratch = 256 << 10;

int64_t taps_of(const ConvShape& s) { return s.filter_height * s.filter_width; }
int64_t taps_floats(const ConvShape& s, const Resize::Size& from) {
  return from.height * from.width * taps_of(s) * s.out;
}
int64_t lines_of(const ConvShape& s, const Resize::Size& from) { return from.height * s.filter_height; }
int64_t line_floats(const ConvShape& s) { return s.out_width * s.out; }

at::Tensor by_tap(const ConvShape& s, const at::Tensor& filter) { return filter.view({taps_of(s), s.in, s.out}); }
// A matrix of [inputs, outputs] as the filter of single pixels.
PackedFilter packed(const at::Tensor& matrix) {
  const float* const values = matrix.data_ptr<float>();
  const int64_t outputs = matrix.size(1);
  return pack(1, matrix.size(0), outputs, nullptr,
              [=](int64_t, int64_t input, int64_t output) { return values[input * outputs + output]; });
}

// What the results along one axis are made of: a tap reads one resized position, which lies between two.
struct Axis {
  struct Reach {
    int64_t result, from, tap;
    float weight;
  };
  int64_t results, from, taps;
  std::vector<Reach> reaches;

  Axis(const std::vector<Between>& resized, int64_t from, int64_t taps, int64_t padding, int64_t results)
      : results(results), from(from), taps(taps) {
    for (int64_t result = 0; result < results; result++)
      for (int64_t tap = 0; tap < taps; tap++) {
        const int64_t at = result + tap - padding;
        if (at < 0 || at >= static_cast<int64_t>(resized.size())) continue;
        reaches.push_back({result, resized[at].first, tap, 1 - resized[at].share});
        // NaN beyond an exact position, which libtorch lets through, is left out with it.
        if (resized[at].share != 0) reaches.push_back({result, resized[at].second, tap, resized[at].share});
      }
  }
};

// Floats from one to the next, in memory.
struct Steps {
  int64_t result, from, tap;
};

void append(WeightedSums& to, int64_t at, const std::vector<Weighted>& terms) {
  to.sums.push_back({at, static_cast<int64_t>(terms.size())});
  to.terms.insert(to.terms.end(), terms.begin(), terms.end());
}

// Of each result what it is made of, behind `start`.
WeightedSums results_of(const Axis& axis, const Steps& steps, const std::vector<Weighted>& start) {
  std::vector<std::vector<Weighted>> found(axis.results, start);
  for (const auto& r : axis.reaches) found[r.result].push_back({r.from * steps.from + r.tap * steps.tap, r.weight});
  WeightedSums sums;
  for (int64_t i = 0; i < axis.results; i++) append(sums, i * steps.result, found[i]);
  return sums;
}

// Of each position before resizing and each tap what its gradient is made of.
WeightedSums gradients_of(const Axis& axis, const Steps& steps) {
  std::vector<std::vector<Weighted>> found(axis.from * axis.taps);
  for (const auto& r : axis.reaches) found[r.from * axis.taps + r.tap].push_back({r.result * steps.result, r.weight});
  WeightedSums sums;
  for (int64_t i = 0; i < axis.from; i++)
    for (int64_t tap = 0; tap < axis.taps; tap++)
      append(sums, i * steps.from + tap * steps.tap, found[i * axis.taps + tap]);
  return sums;
}

Axis rows_of(const ConvShape& s, const Resize& r) {
  return {r.rows(), r.from().height, s.filter_height, s.padding, s.out_height};
}
Axis columns_of(const ConvShape& s, const Resize& r) {
  return {r.columns(), r.from().width, s.filter_width, s.padding, s.out_width};
}

// Between results, lines; between a line's results, and the pixels and taps that they are made of.
Steps row_steps(const ConvShape& s) {
  return {line_floats(s), s.filter_height * line_floats(s), line_floats(s)};
}
Steps column_steps(const ConvShape& s) { return {s.out, taps_of(s) * s.out, s.out}; }

// Calls f with where in `taps` each line's numbers begin, and where in `lines` it does.
template <typename F>
void each_line(const ConvShape& s, const Resize::Size& from, const F& f) {
  for (int64_t row = 0; row < from.height; row++)
    for (int64_t tap = 0; tap < s.filter_height; tap++)
      f((row * from.width * s.filter_height + tap) * s.filter_width * s.out,
        (row * s.filter_height + tap) * s.out_width * s.out);
}

}  // namespace

bool upsampled_serves(const ConvShape& s, const Resize& resize) {
  const Resize::Size from = resize.from();
  const int64_t scratch = taps_floats(s, from) + lines_of(s, from) * line_floats(s);
  if (s.stride != 1 || scratch > std::max(kMostScratch, s.image_in())) return false;
  // For each result: what its taps multiply, and two positions between which each tap's row, and each tap, lies.
  const double taps = taps_of(s), rows = static_cast<double>(from.height) / s.out_height;
  const double multiplied = taps * s.in * from.height * from.width / s.image_pixels();
  const double added = 2 * s.filter_height + 2 * taps * rows;
  return multiplied + kAddingUp * added < (quads_serve(s) ? 4 : taps) * s.in;
}

UpsampledForward::UpsampledForward(const ConvShape& shape, const Resize& resize, const at::Tensor& filter,
                                   const at::Tensor* bias)
    : shape_(shape), from_(resize.from()), bias_(bias ? *bias : at::Tensor()) {
  const at::Tensor by_input = by_tap(shape, filter).permute({1, 0, 2}).contiguous();
  filter_ = packed(by_input.view({shape.in, taps_of(shape) * shape.out}));
  // The bias lies behind the lines, as one more.
  std::vector<Weighted> start;
  if (bias) start.push_back({lines_of(shape, from_) * line_floats(shape), 1.f});
  rows_ = results_of(rows_of(shape, resize), row_steps(shape), start);
  columns_ = results_of(columns_of(shape, resize), column_steps(shape), {});
}

UpsampledForward::Scratch UpsampledForward::scratch() const {
  const int64_t lines = lines_of(shape_, from_);
  Scratch scratch{at::empty({taps_floats(shape_, from_)}, at::kFloat),
                  at::empty({lines + bias_.defined(), shape_.out_width, shape_.out}, at::kFloat)};
  if (bias_.defined()) scratch.lines.select(0, lines).copy_(bias_);
  return scratch;
}

void UpsampledForward::image(const float* x, Scratch& scratch, float* y) const {
  float *const taps = scratch.taps.data_ptr<float>(), *const lines = scratch.lines.data_ptr<float>();
  product_row(filter_, &x, from_.height * from_.width, shape_.in, taps, taps_of(shape_) * shape_.out);
  each_line(shape_, from_, [&](int64_t tap, int64_t line) { columns_.add_up(taps + tap, shape_.out, lines + line); });
  rows_.add_up(lines, line_floats(shape_), y);
}

UpsampledBackward::UpsampledBackward(const ConvShape& shape, const Resize& resize, const at::Tensor& filter, bool need_x,
                                     bool need_filter)
    : shape_(shape),
      from_(resize.from()),
      need_filter_(need_filter),
      columns_(gradients_of(columns_of(shape, resize), column_steps(shape))),
      rows_(gradients_of(rows_of(shape, resize), row_steps(shape))) {
  if (!need_x) return;
  const at::Tensor by_output = by_tap(shape, filter).transpose(1, 2).contiguous();
  filter_ = packed(by_output.view({taps_of(shape) * shape.out, shape.in}));
}

UpsampledBackward::Scratch UpsampledBackward::scratch() const {
  const int64_t taps = taps_floats(shape_, from_);
  Scratch scratch{at::empty({shape_.image_out()}, at::kFloat),
                  at::empty({lines_of(shape_, from_) * line_floats(shape_)}, at::kFloat),
                  at::empty({taps + kWide}, at::kFloat),
                  {}};
  // Whole tiles are read of the last pixel's: any number would do, but those near zero are slow.
  scratch.taps.narrow(0, taps, kWide).zero_();
  if (need_filter_) scratch.sums = at::zeros({shape_.in, lanes_for(taps_of(shape_) * shape_.out)}, at::kFloat);
  return scratch;
}

void UpsampledBackward::read(FillRow fill, Scratch& scratch) const {
  float *const d = scratch.d.data_ptr<float>(), *const lines = scratch.lines.data_ptr<float>();
  float* const taps = scratch.taps.data_ptr<float>();
  const int64_t floats = line_floats(shape_);
  for (int64_t row = 0; row < shape_.out_height; row++) fill(row, d + row * floats);
  rows_.add_up(d, floats, lines);
  each_line(shape_, from_, [&](int64_t tap, int64_t line) { columns_.add_up(lines + line, shape_.out, taps + tap); });
}

void UpsampledBackward::add_filter_gradient(const float* x, Scratch& scratch) const {
  const int64_t outputs = taps_of(shape_) * shape_.out;
  add_products(tiles()->products, blocks_of(outputs, 0), {x, 0, shape_.in}, shape_.in, {scratch.taps.data_ptr<float>(), 0, outputs}, 1,
               from_.height * from_.width, scratch.sums.data_ptr<float>(), lanes_for(outputs));
}

void UpsampledBackward::input_gradient(Scratch& scratch, float* dx) const {
  const float* const taps = scratch.taps.data_ptr<float>();
  product_row(filter_, &taps, from_.height * from_.width, taps_of(shape_) * shape_.out, dx, shape_.in);
}

at::Tensor UpsampledBackward::filter_gradient(const std::vector<std::optional<Scratch>>& threads) const {
  const ConvShape& s = shape_;
  return sums_of(threads).narrow(1, 0, taps_of(s) * s.out)
      .unflatten(1, {taps_of(s), s.out})
      .permute({1, 0, 2})
      .reshape({s.filter_height, s.filter_width, s.in, s.out});
}

}  // namespace locallearn
