#include "direct_conv.h"

#include "batch_norm_rows.h"
#include "image_access.h"
#include "../profile/profile.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

namespace locallearn {
namespace {

// A strip of rows of input and gradient together, for the filter's gradient: well inside the first-level cache.
constexpr int64_t kStripBytes = 24 << 10;
// Packed weights of one block of output channels must stay in the second-level cache.
constexpr int64_t kMostFilterBytes = 192 << 10;

void note(const ConvShape& s, bool forward, bool backward_data, bool backward_weights) {
  if (!profiling) return;
  note_convolution({{s.images, s.in, s.height, s.width},
                    {s.out, s.in, s.filter_height, s.filter_width},
                    s.stride,
                    s.padding,
                    forward,
                    backward_data,
                    backward_weights});
}

// Fewer channels leave too little to multiply for what the transforms cost.
bool in_quads(const ConvShape& s) {
  return s.filter_height == 3 && s.filter_width == 3 && s.stride == 1 && s.padding <= 1 && std::min(s.in, s.out) > kNarrow;
}

}  // namespace

ConvShape conv_shape(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding) {
  ConvShape shape{x[0], x[1], x[2], x[3], filter.size(3), filter.size(0), filter.size(1), stride, padding, 0, 0};
  shape.out_height = (shape.height + 2 * padding - shape.filter_height) / stride + 1;
  shape.out_width = (shape.width + 2 * padding - shape.filter_width) / stride + 1;
  return shape;
}

bool direct_reads(const at::Tensor& filter) {
  if (tiles() == nullptr || !filter.is_cpu() || filter.dim() != 4 || filter.scalar_type() != at::kFloat) return false;
  const int64_t height = filter.size(0), width = filter.size(1);
  const int64_t lanes_bytes = height * width * kWide * sizeof(float);
  return height <= 3 && width <= 3 && std::max(filter.size(2), filter.size(3)) * lanes_bytes <= kMostFilterBytes;
}

bool direct_serves(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding, int64_t groups) {
  if (!direct_reads(filter) || groups != 1 || stride < 1 || stride > 2 || padding < 0) return false;
  if (x.size() != 4 || x[3] != filter.size(2)) return false;
  const int64_t height = filter.size(0), width = filter.size(1);
  return padding < std::min(height, width) && x[1] + 2 * padding >= height && x[2] + 2 * padding >= width;
}

DirectForward::DirectForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias)
    : shape_(shape) {
  const int64_t length = shape.filter_width * shape.in, in = shape.in, out = shape.out;
  const float* const values = filter.data_ptr<float>();
  const float* const start = bias ? bias->data_ptr<float>() : nullptr;
  if (in_quads(shape)) {
    quads_.emplace(in, out, start, values);
    return;
  }
  filter_ = pack(shape.filter_height, length, out, start,
                 [=](int64_t r, int64_t t, int64_t channel) { return values[(r * length + t) * out + channel]; });
}

DirectForward::Scratch DirectForward::scratch() const {
  Scratch scratch;
  if (quads_) scratch.quads.emplace(quads_->scratch(shape_.out_height, shape_.out_width));
  return scratch;
}

void DirectForward::image(const ImageView& x, Scratch& scratch, float* y) const {
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

DirectBackward::DirectBackward(const ConvShape& shape, const at::Tensor& filter, bool need_x, bool need_filter)
    : shape_(shape),
      need_filter_(need_filter),
      vertical_(phases(shape.filter_height, shape.height)),
      horizontal_(phases(shape.filter_width, shape.width)) {
  const int64_t in = shape.in, out = shape.out, width = shape.filter_width, stride = shape.stride;
  if (need_filter && in_quads(shape)) quad_gradient_.emplace(shape.out_height, shape.out_width, in, out);
  if (!need_x) return;
  const float* const values = filter.data_ptr<float>();
  if (in_quads(shape)) {
    // The filter turned round, from outputs to inputs.
    const at::Tensor turned = filter.flip({0, 1}).transpose(2, 3).contiguous();
    quads_.emplace(out, in, nullptr, turned.data_ptr<float>());
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
  Scratch scratch{gradient_scratch(), {}, {}, {}};
  if (quads_) scratch.quads.emplace(quads_->scratch(shape_.height, shape_.width));
  if (!need_filter_) return scratch;
  if (quad_gradient_) {
    scratch.quad_sums.emplace(quad_gradient_->scratch());
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
    int64_t most = 0;
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
  const ImageView d = scratch.d.view();
  if (quads_) {
    quads_->convolve(d, shape_.padding - 2, shape_.height, shape_.width, *scratch.quads, dx);
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

void DirectBackward::add_filter_gradient(const ImageView& x, Scratch& scratch) const {
  const ImageView d = scratch.d.view();
  if (quad_gradient_) {
    quad_gradient_->add(x, -shape_.padding, d, *scratch.quad_sums);
    return;
  }
  float* const sums = scratch.sums.data_ptr<float>();
  const int64_t length = shape_.filter_width * shape_.in, lanes = lanes_for(shape_.out);
  const int64_t row_bytes = (shape_.stride * x.row_step + d.row_step) * sizeof(float);
  const int64_t strip = std::max<int64_t>(1, kStripBytes / row_bytes);
  const auto blocks = blocks_of(shape_.out, 0);
  for (int64_t first = 0; first < shape_.out_height; first += strip) {
    const int64_t rows = std::min(strip, shape_.out_height - first);
    for (const auto& block : blocks) {
      const TileSet& set = tiles()->of(block.lanes);
      const Tiling tiling(length, set.values);
      const Pixels gradient{d.at(first, 0) + block.first, d.row_step, shape_.out};
      for (int64_t r = 0; r < shape_.filter_height; r++) {
        const float* from = x.at(first * shape_.stride + r - shape_.padding, -shape_.padding);
        float* to = sums + r * length * lanes + block.first;
        for (int64_t i = 0; i < tiling.count; i++) {
          const int64_t values = tiling.size(i);
          const Pixels input{from, shape_.stride * x.row_step, shape_.stride * shape_.in};
          set.outer[values - 1](input, gradient, rows, shape_.out_width, to, lanes);
          from += values;
          to += values * lanes;
        }
      }
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
  const at::Tensor& sums = threads[0]->sums;
  for (size_t i = 1; i < threads.size(); i++) sums.add_(threads[i]->sums);
  return sums
      .narrow(2, 0, shape_.out)
      .contiguous()
      .view({shape_.filter_height, shape_.filter_width, shape_.in, shape_.out});
}

int64_t image_threads(int64_t images) { return std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(images, 1)); }

void for_images(int64_t images, c10::function_ref<void(int64_t, int64_t, int64_t)> f) {
  const int64_t threads = image_threads(images);
  const int64_t share = (images + threads - 1) / threads;
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; t++) f(t, std::min(images, t * share), std::min(images, (t + 1) * share));
  });
}

at::Tensor direct_conv(const at::Tensor& x, const at::Tensor& filter, const at::Tensor* bias, const ConvShape& shape,
                       const Resize* resize, c10::function_ref<void(int64_t, int64_t, float*)> after) {
  const Span span("direct convolution");
  note(shape, true, false, false);
  const DirectForward forward(shape, filter, bias);
  at::Tensor y = at::empty({shape.images, shape.out_height, shape.out_width, shape.out}, x.options());
  const float* const px = x.data_ptr<float>();
  float* const py = y.data_ptr<float>();
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    DirectForward::Scratch scratch = forward.scratch();
    ImageAccess images(shape, resize, forward.padded());
    for (int64_t image = first; image < last; image++) {
      forward.image(images.read(px, image), scratch, py + image * shape.image_out());
      after(thread, image, py + image * shape.image_out());
    }
  });
  return y;
}

ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const at::Tensor& filter,
                                   const ConvShape& shape, const Resize* resize, bool need_x, bool reuse_x,
                                   bool need_filter, bool need_bias,
                                   c10::function_ref<void(int64_t, int64_t, float*)> fill) {
  const Span span("direct convolution backward");
  note(shape, false, need_x, need_filter);
  const DirectBackward backward(shape, filter, need_x, need_filter);
  std::vector<std::optional<DirectBackward::Scratch>> scratch(image_threads(shape.images));
  std::vector<std::vector<double>> bias_sums;
  for (size_t t = 0; need_bias && t < scratch.size(); t++) bias_sums.emplace_back(2 * shape.out, 0.0);
  at::Tensor dx;
  if (need_x) {
    const Resize::Size size = resize ? resize->from() : Resize::Size{shape.height, shape.width};
    dx = reuse_x && x.has_value() ? *x : at::empty({shape.images, size.height, size.width, shape.in}, filter.options());
  }
  const float* const px = need_filter ? x->data_ptr<float>() : nullptr;
  float* const pdx = need_x ? dx.data_ptr<float>() : nullptr;
  const std::vector<float> zero(shape.out, 0.f);
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    DirectBackward::Scratch& own = scratch[thread].emplace(backward.scratch());
    ImageAccess images(shape, resize, backward.padded());
    for (int64_t image = first; image < last; image++) {
      own.d.fill([&](int64_t row, float* to) {
        fill(image, row, to);
        if (!need_bias) return;
        double* const sums = bias_sums[thread].data();
        row_loops().add_moments(to, shape.out_width, shape.out, zero.data(), sums, sums + shape.out);
      });
      if (need_filter) {
        // Before this image's input gradient, which may be written where the input is.
        backward.add_filter_gradient(images.read(px, image), own);
      }
      if (need_x) images.write_gradient(pdx, image, [&](float* to) { backward.input_gradient(own, to); });
    }
    backward.finish(own);
  });
  at::Tensor dbias;
  if (need_bias) {
    dbias = at::empty({shape.out}, filter.options());
    for (int64_t j = 0; j < shape.out; j++) {
      double sum = 0;
      for (const auto& part : bias_sums) sum += part[j];
      dbias.data_ptr<float>()[j] = sum;
    }
  }
  return {dx, need_filter ? backward.filter_gradient(scratch) : at::Tensor(), dbias};
}

}  // namespace locallearn
