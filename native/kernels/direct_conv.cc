#include "direct_conv.h"

#include "direct_filter.h"
#include "few_outputs.h"
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

int64_t floats_of_image(const ConvShape& shape, const Resize* resize) {
  return resize ? resize->image_floats() : shape.image_in();
}

template <typename Forward>
at::Tensor forward_images(const Forward& forward, const at::Tensor& x, int64_t floats, const ConvShape& shape,
                          c10::function_ref<void(int64_t, int64_t, float*)> after) {
  at::Tensor y = at::empty({shape.images, shape.out_height, shape.out_width, shape.out}, x.options());
  const float* const px = x.data_ptr<float>();
  float* const py = y.data_ptr<float>();
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    typename Forward::Scratch scratch = forward.scratch();
    for (int64_t image = first; image < last; image++) {
      forward.image(px + image * floats, scratch, py + image * shape.image_out());
      after(thread, image, py + image * shape.image_out());
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

// The images of a map, or what a norm makes of them, which lies here until the next is read.
class ImagesRead {
 public:
  ImagesRead(const float* x, const AppliedNorm* norm, int64_t floats, int64_t channels)
      : x_(x), norm_(norm), floats_(floats), rows_(floats / channels), made_(norm ? floats : 0) {}
  const float* read(int64_t image) {
    const float* const from = x_ + image * floats_;
    if (norm_ == nullptr) return from;
    norm_->rows(from, nullptr, made_.data(), rows_);
    return made_.data();
  }

 private:
  const float* x_;
  const AppliedNorm* norm_;
  int64_t floats_, rows_;
  std::vector<float> made_;
};

// x and dx of images of so many floats; null where not needed. Returns the filter's gradient where x is not.
template <typename Backward>
at::Tensor backward_images(const Backward& backward, const ConvShape& shape, int64_t floats, const float* x,
                           const AppliedNorm* norm, float* dx,
                           c10::function_ref<void(int64_t thread, int64_t image, int64_t row, float* to)> fill) {
  std::vector<std::optional<typename Backward::Scratch>> scratch(image_threads(shape.images));
  for_images(shape.images, [&](int64_t thread, int64_t first, int64_t last) {
    auto& own = scratch[thread].emplace(backward.scratch());
    ImagesRead images(x, norm, floats, shape.in);
    for (int64_t image = first; image < last; image++) {
      backward.read([&](int64_t row, float* to) { fill(thread, image, row, to); }, own);
      // Before this image's input gradient, which may be written where the input is.
      if (x) backward.add_filter_gradient(images.read(image), own);
      if (dx) backward.input_gradient(own, dx + image * floats);
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
  const int64_t floats = floats_of_image(shape, resize);
  if (resize && upsampled_serves(shape, *resize))
    return forward_images(UpsampledForward(shape, *resize, filter, bias), x, floats, shape, after);
  if (!resize && few_outputs_serve(shape))
    return forward_images(FewOutputsForward(shape, filter, bias), x, floats, shape, after);
  return forward_images(DirectForward(shape, resize, filter, bias), x, floats, shape, after);
}

ConvGradients direct_conv_backward(const optional<at::Tensor>& x, const AppliedNorm* norm, const at::Tensor& filter,
                                   const ConvShape& shape, const Resize* resize, bool need_x, bool reuse_x,
                                   bool need_filter, bool need_bias,
                                   c10::function_ref<void(int64_t, int64_t, float*)> fill) {
  const Span span("direct convolution backward");
  note(shape, resize, false, need_x, need_filter);
  at::Tensor dx;
  if (need_x) {
    const Resize::Size size = resize ? resize->from() : Resize::Size{shape.height, shape.width};
    dx = reuse_x && x.has_value() ? *x : at::empty({shape.images, size.height, size.width, shape.in}, filter.options());
  }
  std::optional<BiasSums> bias;
  if (need_bias) bias.emplace(image_threads(shape.images), shape.out);
  const auto made = [&](const auto& backward) {
    return backward_images(backward, shape, floats_of_image(shape, resize), need_filter ? x->data_ptr<float>() : nullptr,
                           norm, need_x ? dx.data_ptr<float>() : nullptr,
                           [&](int64_t thread, int64_t image, int64_t row, float* to) {
                             fill(image, row, to);
                             if (bias) bias->add(thread, to, shape.out_width);
                           });
  };
  const at::Tensor dfilter = resize && upsampled_serves(shape, *resize)
                                 ? made(UpsampledBackward(shape, *resize, filter, need_x, need_filter))
                                 : made(DirectBackward(shape, resize, filter, need_x, need_filter));
  return {dx, dfilter, bias ? bias->gradient() : at::Tensor()};
}

}  // namespace locallearn
