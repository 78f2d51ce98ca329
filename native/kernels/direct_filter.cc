#include "direct_filter.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace locallearn {
namespace {

// A strip of rows of input and gradient together, for the filter's gradient: well inside the first-level cache.
constexpr int64_t kStripBytes = 24 << 10;

// The filter [3, 3, in, out] turned round, from outputs to inputs.
at::Tensor turned_round(const float* filter, int64_t in, int64_t out) {
  constexpr int64_t kTaps = 9;
  const at::Tensor turned = at::empty({3, 3, out, in}, at::kFloat);
  float* const to = turned.data_ptr<float>();
  at::parallel_for(0, kTaps, 1, [&](int64_t begin, int64_t end) {
    for (int64_t tap = begin; tap < end; tap++)
      for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < in; i++)
          to[((kTaps - 1 - tap) * out + o) * in + i] = filter[(tap * in + i) * out + o];
  });
  return turned;
}

}  // namespace

DirectForward::DirectForward(const ConvShape& shape, const Resize* resize, const PairTiles* pairs, const at::Tensor& filter,
                             const at::Tensor* bias)
    : shape_(shape), resize_(resize) {
  const int64_t length = shape.filter_width * shape.in, in = shape.in, out = shape.out;
  const float* const values = filter.data_ptr<float>();
  const float* const start = bias ? bias->data_ptr<float>() : nullptr;
  if (quads_serve(shape)) {
    quads_.emplace(forward_quads(shape.stride), pairs, in, out, start, values);
    return;
  }
  filter_ = pack(shape.filter_height, length, out, start,
                 [=](int64_t r, int64_t t, int64_t channel) { return values[(r * length + t) * out + channel]; });
}

DirectForward::Scratch DirectForward::scratch() const {
  Scratch scratch{ImageAccess(shape_, resize_, !quads_ && shape_.padding > 0), {}};
  if (quads_) scratch.quads.emplace(quads_->scratch(shape_.out_height, shape_.out_width));
  return scratch;
}

void DirectForward::image(const float* image, Scratch& scratch, float* y) const {
  const ImageView x = scratch.images.read(image);
  if (quads_) {
    quads_->convolve(x, -shape_.padding, shape_.out_height, shape_.out_width, *scratch.quads, y);
    return;
  }
  const float* rows[3];
  for (int64_t row = 0; row < shape_.out_height; row++) {
    for (int64_t r = 0; r < shape_.filter_height; r++)
      rows[r] = x.at(row * shape_.stride + r - shape_.padding, -shape_.padding);
    product_row(filter_, rows, shape_.out_width, shape_.stride * shape_.in, y + row * shape_.out_width * shape_.out,
                shape_.out);
  }
}

DirectBackward::DirectBackward(const ConvShape& shape, const Resize* resize, const PairTiles* pairs,
                               const at::Tensor& filter, bool need_x, bool need_filter)
    : shape_(shape),
      resize_(resize),
      need_filter_(need_filter),
      vertical_(phases(shape.filter_height, shape.height)),
      horizontal_(phases(shape.filter_width, shape.width)) {
  const int64_t in = shape.in, out = shape.out, width = shape.filter_width, stride = shape.stride;
  if (need_filter && quads_serve(shape))
    quad_gradient_.emplace(forward_quads(stride), pairs, shape.out_height, shape.out_width, in, out);
  if (need_filter && few_outputs_serve(shape)) few_gradient_.emplace(shape);
  if (!need_x) return;
  const float* const values = filter.data_ptr<float>();
  if (quads_serve(shape)) {
    const at::Tensor turned = turned_round(values, in, out);
    quads_.emplace(backward_quads(stride), pairs, out, in, nullptr, turned.data_ptr<float>());
    return;
  }
  for (const Phase& v : vertical_)
    for (const Phase& h : horizontal_) {
      // Output row o reaches input row s·o + k − p by tap k: the later the row, the earlier the tap.
      const int64_t last_row = (v.first + shape.padding) % stride + stride * (v.taps - 1);
      const int64_t last_column = (h.first + shape.padding) % stride + stride * (h.taps - 1);
      filters_.push_back(pack(v.taps, h.taps * out, in, nullptr, [=](int64_t r, int64_t t, int64_t channel) {
        const int64_t row = last_row - stride * r, column = last_column - stride * (t / out);
        return values[((row * width + column) * in + channel) * out + t % out];
      }));
    }
}

std::vector<DirectBackward::Phase> DirectBackward::phases(int64_t taps, int64_t size) const {
  std::vector<Phase> found;
  for (int64_t first = 0; first < std::min(shape_.stride, size); first++) {
    const int64_t tap = (first + shape_.padding) % shape_.stride;
    const int64_t reached = tap < taps ? (taps - tap + shape_.stride - 1) / shape_.stride : 0;
    found.push_back({first, reached, (first + shape_.padding - tap) / shape_.stride - (reached - 1)});
  }
  return found;
}

DirectBackward::Scratch DirectBackward::scratch() const {
  const bool padded = need_filter_ && !quad_gradient_ && !few_gradient_ && shape_.padding > 0;
  Scratch scratch{ImageAccess(shape_, resize_, padded), gradient_scratch(), {}, {}, {}};
  if (quads_) scratch.quads.emplace(quads_->scratch(shape_.height, shape_.width));
  if (!need_filter_) return scratch;
  if (quad_gradient_) {
    scratch.quad_sums.emplace(quad_gradient_->scratch());
  } else if (few_gradient_) {
    scratch.sums = few_gradient_->scratch();
  } else {
    scratch.sums = at::zeros({shape_.filter_height, shape_.filter_width * shape_.in, lanes_for(shape_.out)}, at::kFloat);
  }
  return scratch;
}

PaddedImage DirectBackward::gradient_scratch() const {
  // As far as the taps of the first and the last input pixels reach.
  const auto before = [](const std::vector<Phase>& phases) {
    int64_t most = 0;
    for (const Phase& phase : phases)
      if (phase.taps > 0) most = std::max(most, -phase.start);
    return most;
  };
  const auto after = [this](const std::vector<Phase>& phases, int64_t size, int64_t gradients) {
    // The last quad's gradients may lie beyond the last.
    int64_t most = quad_gradient_ ? gradients % 2 : 0;
    for (const Phase& phase : phases)
      if (phase.taps > 0)
        most = std::max(most, phase.start + (size - 1 - phase.first) / shape_.stride + phase.taps - gradients);
    return most;
  };
  return {shape_.out_height,
          shape_.out_width,
          shape_.out,
          {before(vertical_), before(horizontal_), after(vertical_, shape_.height, shape_.out_height),
           after(horizontal_, shape_.width, shape_.out_width)}};
}

void DirectBackward::input_gradient(Scratch& scratch, float* dx) const {
  scratch.images.write_gradient(dx, [&](float* to) { input_gradient_of(scratch.d.view(), scratch, to); });
}

void DirectBackward::input_gradient_of(const ImageView& d, Scratch& scratch, float* dx) const {
  if (quads_) {
    // Of stride 2 the first gradient is of the first input.
    const int64_t offset = shape_.stride == 1 ? shape_.padding - 2 : 0;
    quads_->convolve(d, offset, shape_.height, shape_.width, *scratch.quads, dx);
    return;
  }
  const int64_t stride = shape_.stride, in = shape_.in;
  const float* rows[3];
  for (size_t i = 0; i < vertical_.size(); i++)
    for (size_t j = 0; j < horizontal_.size(); j++) {
      const Phase &v = vertical_[i], &h = horizontal_[j];
      const PackedFilter& filter = filters_[i * horizontal_.size() + j];
      const int64_t columns = (shape_.width - h.first + stride - 1) / stride;
      for (int64_t row = v.first, o = v.start; row < shape_.height; row += stride, o++) {
        float* const to = dx + (row * shape_.width + h.first) * in;
        if (v.taps == 0 || h.taps == 0) {
          for (int64_t k = 0; k < columns; k++) std::fill_n(to + k * stride * in, in, 0.f);
          continue;
        }
        for (int64_t r = 0; r < v.taps; r++) rows[r] = d.at(o + r, h.start);
        product_row(filter, rows, columns, shape_.out, to, stride * in);
      }
    }
}

void DirectBackward::add_filter_gradient(const float* image, Scratch& scratch) const {
  const ImageView x = scratch.images.read(image), d = scratch.d.view();
  if (quad_gradient_) {
    quad_gradient_->add(x, -shape_.padding, d, *scratch.quad_sums);
    return;
  }
  float* const sums = scratch.sums.data_ptr<float>();
  if (few_gradient_) return few_gradient_->add(x, d, sums);
  const int64_t length = shape_.filter_width * shape_.in, lanes = lanes_for(shape_.out);
  const int64_t row_bytes = (shape_.stride * x.row_step + d.row_step) * sizeof(float);
  const int64_t strip = std::max<int64_t>(1, kStripBytes / row_bytes);
  const auto blocks = blocks_of(shape_.out, 0);
  for (int64_t first = 0; first < shape_.out_height; first += strip) {
    const int64_t rows = std::min(strip, shape_.out_height - first);
    const Pixels gradient{d.at(first, 0), d.row_step, shape_.out};
    for (int64_t r = 0; r < shape_.filter_height; r++) {
      const Pixels input{x.at(first * shape_.stride + r - shape_.padding, -shape_.padding), shape_.stride * x.row_step,
                         shape_.stride * shape_.in};
      add_products(tiles()->products, blocks, input, length, gradient, rows, shape_.out_width, sums + r * length * lanes, lanes);
    }
  }
}

void DirectBackward::finish(Scratch& scratch) const {
  if (quad_gradient_) quad_gradient_->finish(*scratch.quad_sums);
}

at::Tensor DirectBackward::filter_gradient(const std::vector<std::optional<Scratch>>& threads) const {
  if (quad_gradient_) {
    std::vector<const QuadGradient::Scratch*> parts;
    for (const auto& thread : threads) parts.push_back(&*thread->quad_sums);
    return quad_gradient_->gradient(parts);
  }
  if (few_gradient_) return few_gradient_->gradient(sums_of(threads));
  return sums_of(threads)
      .narrow(2, 0, shape_.out)
      .contiguous()
      .view({shape_.filter_height, shape_.filter_width, shape_.in, shape_.out});
}

}  // namespace locallearn
