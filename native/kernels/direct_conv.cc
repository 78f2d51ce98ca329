#include "direct_conv.h"

#include "direct_filter.h"
#include "few_outputs.h"
#include "map_rows.h"
#include "rows.h"
#include "tiles.h"
#include "upsampled.h"
#include "../profile/profile.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace locallearn {
namespace {

// Packed weights of one block of output channels must stay in the second-level cache.
constexpr int64_t kMostFilterBytes = 192 << 10;

void note(const ConvShape& s, const Resize* resize, bool forward, bool backward_data, bool backward_weights) {
  if (!profiling) return;
  std::vector<int64_t> resized_from;
  if (resize) resized_from = {resize->from().height, resize->from().width};
  note_convolution({{s.images, s.in, s.height, s.width},
                    {s.out, s.in, s.filter_height, s.filter_width},
                    resized_from,
                    s.stride,
                    s.padding,
                    forward,
                    backward_data,
                    backward_weights});
}

// Maps that are rounded anyway are multiplied rounded, where that is faster.
const PairTiles* pairs_for(at::ScalarType maps) { return maps == at::kBFloat16 ? pair_tiles() : nullptr; }

// Of an image as it is given.
int64_t pixels_given(const ConvShape& shape, const Resize* resize) {
  return resize ? resize->from().height * resize->from().width : shape.height * shape.width;
}

template <typename Forward>
at::Tensor forward_images(const Forward& forward, const at::Tensor& x, int64_t pixels, const ConvShape& shape,
                          c10::function_ref<void(int64_t, int64_t, float*)> after) {
  const at::Tensor y = at::empty({shape.images, shape.out_height, shape.out_width, shape.out}, x.options());
  const RowsIn from(x);
  const RowsOut to(y);
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    typename Forward::Scratch scratch = forward.scratch();
    std::vector<float> wide_x, wide_y;
    for (int64_t image = first; image < last; image++) {
      const int64_t made = image * shape.image_pixels();
      float* const at = to.begin(made, shape.image_pixels(), wide_y);
      forward.image(from.read(image * pixels, pixels, wide_x), scratch, at);
      to.written(made, shape.image_pixels(), wide_y);
      to.read_back(made, shape.image_pixels(), wide_y);
      after(thread, image, at);
    }
  });
  return y;
}

// Sums of the gradients of results, by channel, for that of the bias.
class BiasSums {
 public:
  BiasSums(int64_t threads, int64_t channels)
      : channels_(channels), sums_(threads, std::vector<double>(2 * channels, 0.0)), zero_(channels, 0.f) {}
  void add(int64_t thread, const float* d, int64_t pixels) {
    double* const sums = sums_[thread].data();
    row_loops().add_moments(d, pixels, channels_, zero_.data(), sums, sums + channels_);
  }
  at::Tensor gradient() const {
    const at::Tensor gradient = at::empty({channels_}, at::kFloat);
    for (int64_t j = 0; j < channels_; j++) {
      double sum = 0;
      for (const auto& part : sums_) sum += part[j];
      gradient.data_ptr<float>()[j] = sum;
    }
    return gradient;
  }

 private:
  int64_t channels_;
  std::vector<std::vector<double>> sums_;
  std::vector<float> zero_;
};

// The images of a map, or what a norm makes of them, which lie here until the next is read.
class ImagesRead {
 public:
  ImagesRead(const at::Tensor& x, const AppliedNorm* norm, int64_t pixels)
      : x_(x), norm_(norm), pixels_(pixels), channels_(x.size(-1)), rounded_(is_short(x)) {}
  const float* read(int64_t image) {
    const float* const from = x_.read(image * pixels_, pixels_, wide_);
    if (norm_ == nullptr) return from;
    made_.resize(pixels_ * channels_);
    norm_->rows(from, nullptr, made_.data(), pixels_);
    if (rounded_) round();
    return made_.data();
  }

 private:
  // As in the map that was read.
  void round() {
    shorts_.resize(made_.size());
    row_loops().narrow(made_.data(), made_.size(), shorts_.data());
    row_loops().widen(shorts_.data(), made_.size(), made_.data());
  }

  RowsIn x_;
  const AppliedNorm* norm_;
  int64_t pixels_, channels_;
  bool rounded_;
  std::vector<float> wide_, made_;
  std::vector<uint16_t> shorts_;
};

// x and dx of images of so many pixels; null where not needed. Returns the filter's gradient where x is not.
template <typename Backward>
at::Tensor backward_images(const Backward& backward, const ConvShape& shape, int64_t pixels, const at::Tensor* x,
                           const AppliedNorm* norm, const at::Tensor* dx, FillGradient fill) {
  std::vector<std::optional<typename Backward::Scratch>> scratch(image_threads(shape.images));
  const RowsOut to = dx ? RowsOut(*dx) : RowsOut();
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    auto& own = scratch[thread].emplace(backward.scratch());
    std::optional<ImagesRead> images;
    if (x) images.emplace(*x, norm, pixels);
    std::vector<float> wide;
    for (int64_t image = first; image < last; image++) {
      backward.read([&](int64_t row, float* to) { fill(thread, image, row, to); }, own);
      // Before this image's input gradient, which may be written where the input is.
      if (x) backward.add_filter_gradient(images->read(image), own);
      if (!dx) continue;
      backward.input_gradient(own, to.begin(image * pixels, pixels, wide));
      to.written(image * pixels, pixels, wide);
    }
    backward.finish(own);
  });
  return x ? backward.filter_gradient(scratch) : at::Tensor();
}

}  // namespace

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
  note(shape, resize, true, false, false);
  const int64_t pixels = pixels_given(shape, resize);
  if (resize && upsampled_serves(shape, *resize))
    return forward_images(UpsampledForward(shape, *resize, filter, bias), x, pixels, shape, after);
  if (!resize && few_outputs_serve(shape))
    return forward_images(FewOutputsForward(shape, filter, bias), x, pixels, shape, after);
  return forward_images(DirectForward(shape, resize, pairs_for(x.scalar_type()), filter, bias), x, pixels, shape, after);
}

ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const AppliedNorm* norm, const at::Tensor& filter,
                                   const ConvShape& shape, const Resize* resize, at::ScalarType maps,
                                   bool need_x, bool reuse_x, bool need_filter, bool need_bias, FillGradient fill) {
  const Span span("direct convolution backward");
  note(shape, resize, false, need_x, need_filter);
  at::Tensor dx;
  if (need_x) {
    const Resize::Size size = resize ? resize->from() : Resize::Size{shape.height, shape.width};
    const bool in_place = reuse_x && x.has_value() && x->scalar_type() == maps;
    dx = in_place ? *x
                  : at::empty({shape.images, size.height, size.width, shape.in}, filter.options().dtype(maps));
  }
  std::optional<BiasSums> bias;
  if (need_bias) bias.emplace(image_threads(shape.images), shape.out);
  const auto made = [&](const auto& backward) {
    return backward_images(backward, shape, pixels_given(shape, resize), need_filter ? &*x : nullptr, norm,
                           need_x ? &dx : nullptr, [&](int64_t thread, int64_t image, int64_t row, float* to) {
                             fill(thread, image, row, to);
                             if (bias) bias->add(thread, to, shape.out_width);
                           });
  };
  const at::Tensor dfilter = resize && upsampled_serves(shape, *resize)
                                 ? made(UpsampledBackward(shape, *resize, filter, need_x, need_filter))
                                 : made(DirectBackward(shape, resize, pairs_for(maps), filter, need_x, need_filter));
  return {dx, dfilter, bias ? bias->gradient() : at::Tensor()};
}

}  // namespace locallearn
