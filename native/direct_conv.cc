#include "direct_conv.h"

#include "batch_norm_rows.h"
#include "profile.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

namespace locallearn {
namespace {

// A strip of rows of input and gradient together, for the filter's gradient: well inside the first-level cache.
constexpr int64_t kStripBytes = 24 << 10;
// Floats that a whole tile reads beyond a row's end.
constexpr int64_t kSlack = kWide;
// Packed weights of one block of output channels must stay in the second-level cache.
constexpr int64_t kMostFilterBytes = 192 << 10;

// As many tiles as needed, as equal as they can be.
struct Tiling {
  int64_t count, small, larger;  // `larger` tiles have one more than `small`

  Tiling(int64_t size, int64_t most) : count((size + most - 1) / most), small(size / count), larger(size % count) {}
  int64_t size(int64_t index) const { return small + (index < larger); }
};

std::vector<PackedFilter::Block> blocks_of(int64_t channels, int64_t values_per_lane) {
  std::vector<PackedFilter::Block> blocks;
  int64_t offset = 0;
  for (int64_t first = 0; first < channels; first += kWide) {
    const int64_t valid = std::min(kWide, channels - first);
    const int64_t lanes = valid <= kNarrow ? kNarrow : kWide;
    blocks.push_back({first, lanes, valid, offset});
    offset += lanes * values_per_lane;
  }
  return blocks;
}

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
      for (int64_t t = 0; t < length; t++)
        for (int64_t lane = 0; lane < block.lanes; lane++)
          *to++ = lane < block.valid ? value(r, t, block.first + lane) : 0;
  }
  packed.start = to;
  for (int64_t lane = 0; lane < lanes; lane++) *to++ = bias && lane < channels ? bias[lane] : 0;
  return packed;
}

// One row of output pixels: `rows` are where the runs of its first pixel begin.
void product_row(const PackedFilter& filter, const float* const* rows, int64_t width, int64_t x_step, float* y,
                 int64_t y_step) {
  constexpr int64_t kMostRows = 16;
  for (const auto& block : filter.blocks) {
    const TileSet& set = tiles()->of(block.lanes);
    const Tiling tiling(width, set.most);
    const float* here[kMostRows];
    std::copy_n(rows, filter.rows, here);
    float* to = y + block.first;
    for (int64_t i = 0; i < tiling.count; i++) {
      const int64_t pixels = tiling.size(i);
      set.product[pixels - 1](here, filter.rows, filter.length, filter.values + block.offset, filter.start + block.first, x_step, to, y_step, block.valid);
      for (int64_t r = 0; r < filter.rows; r++) here[r] += pixels * x_step;
      to += pixels * y_step;
    }
  }
}

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

}  // namespace

ConvShape conv_shape(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding) {
  ConvShape shape{x[0], x[1], x[2], x[3], filter.size(3), filter.size(0), filter.size(1), stride, padding, 0, 0};
  shape.out_height = (shape.height + 2 * padding - shape.filter_height) / stride + 1;
  shape.out_width = (shape.width + 2 * padding - shape.filter_width) / stride + 1;
  return shape;
}

bool direct_serves(at::IntArrayRef x, const at::Tensor& filter, int64_t stride, int64_t padding, int64_t groups) {
  if (tiles() == nullptr || groups != 1 || stride < 1 || padding < 0) return false;
  if (x.size() != 4 || filter.dim() != 4 || filter.scalar_type() != at::kFloat || x[3] != filter.size(2)) return false;
  const int64_t height = filter.size(0), width = filter.size(1);
  if (height > 3 || width > 3 || stride > 2 || padding >= std::min(height, width)) return false;
  if (x[1] + 2 * padding < height || x[2] + 2 * padding < width) return false;
  const int64_t lanes_bytes = height * width * kWide * sizeof(float);
  return std::max(x[3], filter.size(3)) * lanes_bytes <= kMostFilterBytes;
}

PaddedImage::PaddedImage(int64_t height, int64_t width, int64_t channels, Border border)
    : height_(height),
      width_(width),
      channels_(channels),
      row_step_((border.left + width + border.right) * channels),
      data_(at::zeros({(border.top + height + border.bottom) * row_step_ + kSlack}, at::kFloat)),
      origin_(data_.data_ptr<float>() + border.top * row_step_ + border.left * channels) {}

void PaddedImage::fill(FillRow fill) {
  for (int64_t row = 0; row < height_; row++) fill(row, origin_ + row * row_step_);
}

void PaddedImage::copy(const float* image) {
  const int64_t floats = width_ * channels_;
  fill([&](int64_t row, float* to) { std::memcpy(to, image + row * floats, floats * sizeof(float)); });
}

DirectForward::DirectForward(const ConvShape& shape, const at::Tensor& filter, const at::Tensor* bias)
    : shape_(shape) {
  const int64_t length = shape.filter_width * shape.in, out = shape.out;
  const float* const values = filter.data_ptr<float>();
  filter_ = pack(shape.filter_height, length, out, bias ? bias->data_ptr<float>() : nullptr,
                 [=](int64_t r, int64_t t, int64_t channel) { return values[(r * length + t) * out + channel]; });
}

PaddedImage DirectForward::scratch() const {
  const int64_t p = shape_.padding;
  return {shape_.height, shape_.width, shape_.in, {p, p, p, p}};
}

void DirectForward::image(const PaddedImage& x, float* y) const {
  const float* rows[3];
  for (int64_t row = 0; row < shape_.out_height; row++) {
    for (int64_t r = 0; r < shape_.filter_height; r++)
      rows[r] = x.at(row * shape_.stride + r - shape_.padding, -shape_.padding);
    product_row(filter_, rows, shape_.out_width, shape_.stride * shape_.in, y + row * shape_.out_width * shape_.out,
                shape_.out);
  }
}

DirectBackward::DirectBackward(const ConvShape& shape, const at::Tensor& filter, bool need_x)
    : shape_(shape),
      vertical_(phases(shape.filter_height, shape.height)),
      horizontal_(phases(shape.filter_width, shape.width)) {
  if (!need_x) return;
  const int64_t in = shape.in, out = shape.out, width = shape.filter_width, stride = shape.stride;
  const float* const values = filter.data_ptr<float>();
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

PaddedImage DirectBackward::input_scratch() const {
  const int64_t p = shape_.padding;
  return {shape_.height, shape_.width, shape_.in, {p, p, p, p}};
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

void DirectBackward::input_gradient(const PaddedImage& d, float* dx) const {
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

at::Tensor DirectBackward::filter_sums() const {
  const int64_t lanes = (shape_.out + kWide - 1) / kWide * kWide;
  return at::zeros({shape_.filter_height, shape_.filter_width * shape_.in, lanes}, at::kFloat);
}

void DirectBackward::add_filter_gradient(const PaddedImage& x, const PaddedImage& d, float* sums) const {
  const int64_t length = shape_.filter_width * shape_.in;
  const int64_t lanes = (shape_.out + kWide - 1) / kWide * kWide;
  const int64_t row_bytes = (shape_.stride * x.row_step() + d.row_step()) * sizeof(float);
  const int64_t strip = std::max<int64_t>(1, kStripBytes / row_bytes);
  const auto blocks = blocks_of(shape_.out, 0);
  for (int64_t first = 0; first < shape_.out_height; first += strip) {
    const int64_t rows = std::min(strip, shape_.out_height - first);
    for (const auto& block : blocks) {
      const TileSet& set = tiles()->of(block.lanes);
      const Tiling tiling(length, set.most);
      const Pixels gradient{d.row(first) + block.first, d.row_step(), shape_.out};
      for (int64_t r = 0; r < shape_.filter_height; r++) {
        const float* from = x.at(first * shape_.stride + r - shape_.padding, -shape_.padding);
        float* to = sums + r * length * lanes + block.first;
        for (int64_t i = 0; i < tiling.count; i++) {
          const int64_t values = tiling.size(i);
          const Pixels input{from, shape_.stride * x.row_step(), shape_.stride * shape_.in};
          set.outer[values - 1](input, gradient, rows, shape_.out_width, to, lanes);
          from += values;
          to += values * lanes;
        }
      }
    }
  }
}

at::Tensor DirectBackward::filter_gradient(const std::vector<at::Tensor>& sums) const {
  for (size_t i = 1; i < sums.size(); i++) sums[0].add_(sums[i]);
  return sums[0]
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
                       c10::function_ref<void(int64_t, int64_t, const float*)> after) {
  const Span span("direct convolution");
  note(shape, true, false, false);
  const DirectForward forward(shape, filter, bias);
  std::vector<PaddedImage> scratch;
  for (int64_t t = 0; t < image_threads(shape.images); t++) scratch.push_back(forward.scratch());
  at::Tensor y = at::empty({shape.images, shape.out_height, shape.out_width, shape.out}, x.options());
  const float* const px = x.data_ptr<float>();
  float* const py = y.data_ptr<float>();
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    for (int64_t image = first; image < last; image++) {
      scratch[thread].copy(px + image * shape.image_in());
      forward.image(scratch[thread], py + image * shape.image_out());
      after(thread, image, py + image * shape.image_out());
    }
  });
  return y;
}

ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const at::Tensor& filter,
                                   const ConvShape& shape, bool need_x, bool reuse_x, bool need_filter, bool need_bias,
                                   c10::function_ref<void(int64_t, int64_t, float*)> fill) {
  const Span span("direct convolution backward");
  note(shape, false, need_x, need_filter);
  const DirectBackward backward(shape, filter, need_x);
  std::vector<PaddedImage> inputs, gradients;
  std::vector<at::Tensor> filter_sums;
  std::vector<std::vector<double>> bias_sums;
  for (int64_t t = 0; t < image_threads(shape.images); t++) {
    gradients.push_back(backward.gradient_scratch());
    if (need_filter) {
      inputs.push_back(backward.input_scratch());
      filter_sums.push_back(backward.filter_sums());
    }
    if (need_bias) bias_sums.emplace_back(2 * shape.out, 0.0);
  }
  at::Tensor dx;
  if (need_x) {
    dx = reuse_x && x.has_value() ? *x : at::empty({shape.images, shape.height, shape.width, shape.in}, filter.options());
  }
  const float* const px = need_filter ? x->data_ptr<float>() : nullptr;
  float* const pdx = need_x ? dx.data_ptr<float>() : nullptr;
  const std::vector<float> zero(shape.out, 0.f);
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    PaddedImage& gradient = gradients[thread];
    for (int64_t image = first; image < last; image++) {
      gradient.fill([&](int64_t row, float* to) {
        fill(image, row, to);
        if (!need_bias) return;
        double* const sums = bias_sums[thread].data();
        row_loops().add_moments(to, shape.out_width, shape.out, zero.data(), sums, sums + shape.out);
      });
      if (need_filter) {
        // Before this image's input gradient, which may be written where the input is.
        inputs[thread].copy(px + image * shape.image_in());
        backward.add_filter_gradient(inputs[thread], gradient, filter_sums[thread].data_ptr<float>());
      }
      if (need_x) backward.input_gradient(gradient, pdx + image * shape.image_in());
    }
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
  return {dx, need_filter ? backward.filter_gradient(filter_sums) : at::Tensor(), dbias};
}

}  // namespace locallearn
