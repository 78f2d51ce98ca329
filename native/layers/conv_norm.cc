// Convolution, batch normalisation, an optional residual and ReLU: one call forward and one backward, keeping only what the
// backward needs.
#include "../kernels/batch_norm.h"
#include "../kernels/direct_conv.h"
#include "conv.h"
#include "maps.h"
#include "norm.h"

#include <torch/library.h>

#include <optional>
#include <tuple>
#include <vector>

namespace locallearn {
namespace {

using at::Tensor;

// Where the gradient of the residual differs from dy, it is written here, in the type of the other maps: to dy's own memory
// with `reuse_dy`.
optional<Tensor> masked_like(const Tensor& gradient, const Tensor& map, bool relu, bool need_residual, bool reuse_dy) {
  if (!need_residual || !relu) return {};
  return reuse_dy && gradient.scalar_type() == map.scalar_type() ? gradient : at::empty_like(gradient, map.options());
}

// Where only the input's gradient is asked for, its sizes are all that matters of the input.
Tensor input_of(const optional<Tensor>& x, at::IntArrayRef sizes, const Tensor& like) {
  return x.has_value() ? *x : at::empty(sizes, like.options());
}

// → y [n, h, w, out], convolution output if it is to be kept for the gradient, mean, inverse deviation
std::tuple<Tensor, Tensor, Tensor, Tensor> conv_bn(
    const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, const Tensor& gamma, const Tensor& beta,
    const Tensor& running_mean, const Tensor& running_variance, const optional<Tensor>& residual, int64_t stride,
    int64_t padding, int64_t groups, at::IntArrayRef resized, bool training, double momentum, double epsilon,
    bool relu, bool keep) {
  const BatchNorm norm{gamma, beta, running_mean, running_variance, training, momentum, epsilon};
  const auto read = read_shape(x.sizes(), resized);
  if (!on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
    const Tensor c = conv(x, filter, bias, stride, padding, groups, resized);
    const auto n = normalise_anywhere(c, norm, residual, relu);
    return {n.y, keep ? c : Tensor(), n.mean, n.inverse_deviation};
  }
  const ConvShape shape = conv_shape(read, filter, stride, padding);
  const auto by = resize_of(x.sizes(), resized);
  const optional<Tensor> b = contiguous(bias), added = contiguous(residual);
  const auto convolved = [&](c10::function_ref<void(int64_t, int64_t, float*)> after) {
    return direct_conv(x.contiguous(), filter.contiguous(), b.has_value() ? &*b : nullptr, shape, pointer(by), after);
  };
  std::vector<Moments> parts(image_threads(shape.images), Moments(shape.out));
  if (!training && !keep && floats_on_cpu(x) && (!added.has_value() || floats_on_cpu(*added))) {
    // All is known beforehand: an image is normalised where it lies, while it is in the cache.
    const Normalised n = statistics(parts, norm);
    const AppliedNorm applied(n, norm, relu);
    const float* const addends = added.has_value() ? added->data_ptr<float>() : nullptr;
    const Tensor y = convolved([&](int64_t, int64_t image, float* at) {
      applied.rows(at, addends ? addends + image * shape.image_out() : nullptr, at, shape.image_pixels());
    });
    return {y, Tensor(), n.mean, n.inverse_deviation};
  }
  const Tensor c = convolved([&](int64_t thread, int64_t, const float* image) {
    if (training) parts[thread].add(image, shape.image_pixels());
  });
  Normalised n = statistics(parts, norm);
  n.y = keep ? at::empty_like(c) : c;
  apply_norm(c, added, n, norm, relu);
  return {n.y, keep ? c : Tensor(), n.mean, n.inverse_deviation};
}

// Where a ReLU followed a residual, its output `y` or that residual is needed. `x`, of shape `x_shape`, may be left out
// where no parameters' gradients are asked for; with `x_norm`, which is [γ, β, mean, inverse deviation] or empty, it is what was
// normalised, and rectified with `x_relu`, to the input. With `reuse_…` nobody reads that map afterwards: dx may take x's memory,
// the gradient before normalisation c's, dresidual dy's.
// → dx, dfilter, dbias, dgamma, dbeta, dresidual; those not asked for are undefined.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> conv_bn_backward(
    const Tensor& dy, const optional<Tensor>& x, at::TensorList x_norm, bool x_relu, at::IntArrayRef x_shape,
    const Tensor& filter, const Tensor& c,
    const optional<Tensor>& y, const optional<Tensor>& residual, bool relu, const Tensor& gamma, const Tensor& beta,
    const Tensor& mean, const Tensor& inverse_deviation, bool has_bias, int64_t stride, int64_t padding,
    int64_t groups, at::IntArrayRef resized, bool training, double epsilon, bool need_x, bool reuse_x, bool reuse_c,
    bool reuse_dy, bool need_parameters, bool need_residual) {
  TORCH_CHECK(!need_residual || !relu || y.has_value() || residual.has_value(),
              "the gradient of a residual behind a ReLU needs its output or the residual");
  TORCH_CHECK(!need_parameters || x.has_value(), "the gradient of the filter needs the input");
  // Who asks for no gradient of the filter needs the input's sizes alone.
  const bool normalised = need_parameters && !x_norm.empty();
  const auto result = [&](const ConvGradients& g, const Tensor& dgamma, const Tensor& dbeta, const Tensor& dresidual) {
    return std::make_tuple(g.x, g.filter, g.bias, need_parameters ? dgamma : Tensor(),
                           need_parameters ? dbeta : Tensor(), dresidual);
  };
  const auto apart = [&](const Tensor& dc) {
    const Tensor given = normalised ? bn_result(*x, x_norm[0], x_norm[1], x_norm[2], x_norm[3], x_relu)
                                    : input_of(x, x_shape, dc);
    auto [dx, dfilter, dbias] = conv_backward(dc, given, filter, has_bias, stride, padding, groups,
                                              resized, need_x, false, need_parameters);
    return ConvGradients{dx, dfilter, dbias};
  };
  const auto read = read_shape(x_shape, resized);
  const bool cpu = on_cpu(c);
  const optional<Tensor> other = y.has_value() ? y : residual, dense = cpu ? contiguous(other) : other;
  const NormalisedBy norm{gamma, beta, mean, inverse_deviation, training, mask_of(y, residual, relu), dense};
  if (!cpu) {
    const auto [n, dresidual] = normalise_backward_elsewhere(dy, c, y, residual, norm, epsilon, need_residual);
    return result(apart(n.x), n.gamma, n.beta, dresidual);
  }
  const Tensor gradient = dy.contiguous(), before = c.contiguous();
  const optional<Tensor> masked = masked_like(gradient, before, relu, need_residual, reuse_dy);
  const Tensor dresidual = masked.has_value() ? *masked : need_residual ? dy.to(c.scalar_type()) : Tensor();
  if (!direct_serves(read, filter, stride, padding, groups)) {
    const auto n = normalise_backward(RowsIn(gradient), before, norm, masked, reuse_c);
    return result(apart(n.x), n.gamma, n.beta, dresidual);
  }
  const ConvShape shape = conv_shape(read, filter, stride, padding);
  const auto by = resize_of(x_shape, resized);
  const ChannelGradients channel(RowsIn(gradient), before, norm);
  const RowsOut through = masked.has_value() ? RowsOut(*masked) : RowsOut();
  // Of each thread, what is widened.
  struct Wide {
    ChannelGradients::Wide read;
    std::vector<float> masked;
  };
  std::vector<Wide> wide(image_threads(shape.images));
  std::optional<AppliedNorm> read_by;
  if (normalised) {
    const BatchNorm by_norm{x_norm[0], x_norm[1], x_norm[2], x_norm[3], false, 0, 0};
    read_by.emplace(Normalised{{}, x_norm[2], x_norm[3]}, by_norm, x_relu);
  }
  const auto g = direct_conv_backward(
      contiguous(x), read_by ? &*read_by : nullptr, filter.contiguous(), shape, pointer(by), c.scalar_type(), need_x,
      reuse_x && !normalised, need_parameters, need_parameters && has_bias,
      [&](int64_t thread, int64_t image, int64_t row, float* to) {
        const int64_t first = (image * shape.out_height + row) * shape.out_width;
        auto& [read, masked_row] = wide[thread];
        channel.rows(first, shape.out_width, to, through.begin(first, shape.out_width, masked_row), read);
        through.written(first, shape.out_width, masked_row);
      });
  return result(g, channel.gamma, channel.beta, dresidual);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "conv_bn(Tensor x, Tensor filter, Tensor? bias, Tensor gamma, Tensor beta, Tensor running_mean, "
      "Tensor running_variance, Tensor? residual, int stride, int padding, int groups, int[] resized, bool training, "
      "float momentum, float epsilon, bool relu, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
      conv_bn);
  library.def(
      "conv_bn_backward(Tensor dy, Tensor? x, Tensor[] x_norm, bool x_relu, int[] x_shape, "
      "Tensor filter, Tensor c, Tensor? y, Tensor? residual, "
      "bool relu, Tensor gamma, Tensor beta, Tensor mean, Tensor inverse_deviation, bool has_bias, int stride, int padding, int groups, int[] resized, "
      "bool training, float epsilon, bool need_x, bool reuse_x, bool reuse_c, bool reuse_dy, bool need_parameters, "
      "bool need_residual) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
      conv_bn_backward);
}

}  // namespace locallearn
