// Layers as single operators: convolution, batch normalisation, an optional residual and ReLU.
// One call forward and one backward, keeping only what the backward needs.
// Layouts are TensorFlow.js's: activations [n, h, w, c], filters [h, w, in, out]. Maps may be bfloat16, and then what is
// made of them is; parameters, statistics and their gradients are float32.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <tuple>
#include <vector>

#include "../kernels/batch_norm.h"
#include "../kernels/direct_conv.h"
#include "../kernels/map_rows.h"
#include "../kernels/optional.h"
#include "library_conv.h"
#include "short_conv.h"

namespace locallearn {
namespace {

using at::Tensor;

optional<Tensor> contiguous(const optional<Tensor>& x) {
  return x.has_value() ? optional<Tensor>(x->contiguous()) : optional<Tensor>();
}

// The shape of the map that a convolution reads: x's, or where `resized` is not empty one of that height and width.
std::vector<int64_t> read_shape(at::IntArrayRef x, at::IntArrayRef resized) {
  if (resized.empty()) return x.vec();
  return {x[0], resized[0], resized[1], x[3]};
}

// For our own.
optional<Resize> resize_of(at::IntArrayRef x, at::IntArrayRef resized) {
  if (resized.empty()) return {};
  return Resize({x[1], x[2]}, {resized[0], resized[1]}, x[3]);
}

const Resize* pointer(const optional<Resize>& resize) { return resize.has_value() ? &*resize : nullptr; }

// Our own convolutions serve contiguous float32 on the CPU, batch normalisation bfloat16 too, which is all that the CPU
// engine makes; libtorch's the rest.
bool floats_on_cpu(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }
bool on_cpu(const Tensor& x) { return x.is_cpu() && (x.scalar_type() == at::kFloat || is_short(x)); }

Normalised normalise_anywhere(const Tensor& x, const BatchNorm& norm, const optional<Tensor>& residual, bool relu) {
  if (on_cpu(x)) return normalise(x.contiguous(), norm, contiguous(residual), relu);
  auto [y, mean, inverse_deviation] = at::native_batch_norm(to_nchw(x), norm.gamma, norm.beta, norm.running_mean,
                                                            norm.running_variance, norm.training, norm.momentum, norm.epsilon);
  if (!norm.training) {
    mean = norm.running_mean.clone();
    inverse_deviation = (norm.running_variance + norm.epsilon).rsqrt_();
  }
  if (residual.has_value()) y.add_(to_nchw(*residual));
  if (relu) y.relu_();
  return {to_nhwc(y), mean, inverse_deviation};
}

struct Backward {
  NormaliseGradients norm;
  Tensor residual;  // dy through the ReLU's mask, where asked for
};

// `y` or `added`, the residual, is what the mask of a ReLU behind a residual is found with.
Backward normalise_backward_elsewhere(const Tensor& dy, const Tensor& x, const optional<Tensor>& y,
                                      const optional<Tensor>& added, const NormalisedBy& norm, double epsilon,
                                      bool need_residual) {
  Tensor masked = dy;
  if (norm.mask != Mask::kNone) {
    Tensor output = y.has_value() ? *y : (x - norm.mean) * (norm.gamma * norm.inverse_deviation) + norm.beta;
    if (norm.mask == Mask::kSum) output += *added;
    masked = at::threshold_backward(dy.to(x.scalar_type()), output.to(x.scalar_type()), 0);
  }
  masked = masked.to(x.scalar_type());
  // In evaluation mode the saved mean and deviation are the running ones.
  const auto running_mean = norm.training ? optional<Tensor>() : optional<Tensor>(norm.mean);
  const auto running_variance =
      norm.training ? optional<Tensor>() : optional<Tensor>(norm.inverse_deviation.pow(-2).sub_(epsilon));
  auto [dx, dgamma, dbeta] =
      at::native_batch_norm_backward(to_nchw(masked), to_nchw(x), norm.gamma, running_mean, running_variance, norm.mean,
                                     norm.inverse_deviation, norm.training, epsilon, {true, true, true});
  return {{to_nhwc(dx), dgamma, dbeta}, need_residual ? masked : Tensor()};
}

// Where the gradient of the residual differs from dy, it is written here, in the type of the other maps: to dy's own memory
// with `reuse_dy`.
optional<Tensor> masked_like(const Tensor& gradient, const Tensor& map, bool relu, bool need_residual, bool reuse_dy) {
  if (!need_residual || !relu) return {};
  return reuse_dy && gradient.scalar_type() == map.scalar_type() ? gradient : at::empty_like(gradient, map.options());
}

Mask mask_of(const optional<Tensor>& y, const optional<Tensor>& added, bool relu) {
  return !relu ? Mask::kNone : y.has_value() ? Mask::kOutput : added.has_value() ? Mask::kSum : Mask::kNorm;
}

// Where only the input's gradient is asked for, its sizes are all that matters of the input.
Tensor input_of(const optional<Tensor>& x, at::IntArrayRef sizes, const Tensor& like) {
  return x.has_value() ? *x : at::empty(sizes, like.options());
}

// `resized` here and below: the height and width that x is resized to first (bilinear, corners aligned); empty: not.
Tensor conv(const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, int64_t stride, int64_t padding,
            int64_t groups, at::IntArrayRef resized) {
  const auto read = read_shape(x.sizes(), resized);
  if (widens(x, resized)) {
    return image_groups(x, [&](const Tensor& images) {
      return conv(images, filter, bias, stride, padding, groups, resized);
    });
  }
  if (!floats_on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
    return to_nhwc(convolve(resized_map(x, resized), filter, bias, stride, padding, groups));
  }
  const auto by = resize_of(x.sizes(), resized);
  const optional<Tensor> b = contiguous(bias);
  return direct_conv(x.contiguous(), filter.contiguous(), b.has_value() ? &*b : nullptr,
                     conv_shape(read, filter, stride, padding), pointer(by), [](int64_t, int64_t, float*) {});
}

// A filter in the layout in which convolutions read it, so that they need not bring it into that each time.
Tensor as_filter(const Tensor& filter) { return direct_reads(filter) ? filter.contiguous().alias() : filter.alias(); }

// With `reuse_x` nobody reads x afterwards, and dx may take its memory. → dx, dfilter, dbias
std::tuple<Tensor, Tensor, Tensor> conv_backward(const Tensor& dy, const Tensor& x, const Tensor& filter, bool has_bias,
                                                 int64_t stride, int64_t padding, int64_t groups, at::IntArrayRef resized,
                                                 bool need_x, bool reuse_x, bool need_parameters) {
  const auto read = read_shape(x.sizes(), resized);
  if (widens_backward(x, filter, resized)) {
    return image_groups_backward(dy, x, [&](const Tensor& gradient, const Tensor& images) {
      return conv_backward(gradient, images, filter, has_bias, stride, padding, groups, resized, need_x, true,
                           need_parameters);
    });
  }
  if (!floats_on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
    const auto g = convolve_backward(to_nchw(dy.to(x.scalar_type())), resized_map(x, resized), filter, has_bias, stride,
                                     padding, groups, need_x, need_parameters);
    return {resize_backward(g.x, x.sizes(), resized), g.filter, g.bias};
  }
  const ConvShape shape = conv_shape(read, filter, stride, padding);
  const auto by = resize_of(x.sizes(), resized);
  const Tensor gradient = dy.to(at::kFloat).contiguous();
  const float* const pdy = gradient.data_ptr<float>();
  const int64_t floats = shape.out_width * shape.out;
  const auto g = direct_conv_backward(x.contiguous(), filter.contiguous(), shape, pointer(by), need_x, reuse_x,
                                      need_parameters, need_parameters && has_bias, [&](int64_t image, int64_t row, float* to) {
                                        std::copy_n(pdy + (image * shape.out_height + row) * floats, floats, to);
                                      });
  return {g.x, g.filter, g.bias};
}

// → y [n, h, w, out], convolution output if it is to be kept for the gradient, mean, inverse deviation
std::tuple<Tensor, Tensor, Tensor, Tensor> conv_bn(
    const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, const Tensor& gamma, const Tensor& beta,
    const Tensor& running_mean, const Tensor& running_variance, const optional<Tensor>& residual, int64_t stride,
    int64_t padding, int64_t groups, at::IntArrayRef resized, bool training, double momentum, double epsilon,
    bool relu, bool keep) {
  const BatchNorm norm{gamma, beta, running_mean, running_variance, training, momentum, epsilon};
  const auto read = read_shape(x.sizes(), resized);
  if (!floats_on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
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
  if (!training && !keep && (!added.has_value() || floats_on_cpu(*added))) {
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
// where no parameters' gradients are asked for. With `reuse_…` nobody reads that map afterwards: dx may take x's memory,
// the gradient before normalisation c's, dresidual dy's.
// → dx, dfilter, dbias, dgamma, dbeta, dresidual; those not asked for are undefined.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> conv_bn_backward(
    const Tensor& dy, const optional<Tensor>& x, at::IntArrayRef x_shape, const Tensor& filter, const Tensor& c,
    const optional<Tensor>& y, const optional<Tensor>& residual, bool relu, const Tensor& gamma, const Tensor& beta,
    const Tensor& mean, const Tensor& inverse_deviation, bool has_bias, int64_t stride, int64_t padding,
    int64_t groups, at::IntArrayRef resized, bool training, double epsilon, bool need_x, bool reuse_x, bool reuse_c,
    bool reuse_dy, bool need_parameters, bool need_residual) {
  TORCH_CHECK(!need_residual || !relu || y.has_value() || residual.has_value(),
              "the gradient of a residual behind a ReLU needs its output or the residual");
  TORCH_CHECK(!need_parameters || x.has_value(), "the gradient of the filter needs the input");
  const auto result = [&](const ConvGradients& g, const Tensor& dgamma, const Tensor& dbeta, const Tensor& dresidual) {
    return std::make_tuple(g.x, g.filter, g.bias, need_parameters ? dgamma : Tensor(),
                           need_parameters ? dbeta : Tensor(), dresidual);
  };
  const auto apart = [&](const Tensor& dc) {
    auto [dx, dfilter, dbias] = conv_backward(dc, input_of(x, x_shape, dc), filter, has_bias, stride, padding, groups,
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
  if (!floats_on_cpu(c) || !direct_serves(read, filter, stride, padding, groups)) {
    const auto n = normalise_backward(RowsIn(gradient), before, norm, masked, reuse_c);
    return result(apart(n.x), n.gamma, n.beta, dresidual);
  }
  const ConvShape shape = conv_shape(read, filter, stride, padding);
  const auto by = resize_of(x_shape, resized);
  const ChannelGradients channel(RowsIn(gradient), before, norm);
  float* const pm = masked.has_value() ? masked->data_ptr<float>() : nullptr;
  const auto g = direct_conv_backward(
      contiguous(x), filter.contiguous(), shape, pointer(by), need_x, reuse_x, need_parameters, need_parameters && has_bias,
      [&](int64_t image, int64_t row, float* to) {
        const int64_t first = (image * shape.out_height + row) * shape.out_width;
        ChannelGradients::Wide none;
        channel.rows(first, shape.out_width, to, pm == nullptr ? nullptr : pm + first * shape.out, none);
      });
  return result(g, channel.gamma, channel.beta, dresidual);
}

// → y, mean, inverse deviation; x is [n, h, w, c] or [n, c].
std::tuple<Tensor, Tensor, Tensor> bn(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_variance, bool training,
                                      double momentum, double epsilon, bool relu) {
  const auto n = normalise_anywhere(x, {gamma, beta, running_mean, running_variance, training, momentum, epsilon}, {}, relu);
  return {n.y, n.mean, n.inverse_deviation};
}

// The result of `bn`, or of `conv_bn` without a residual, once more: x is what was normalised. On the CPU.
Tensor bn_result(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                 const Tensor& inverse_deviation, bool relu) {
  TORCH_CHECK(on_cpu(x), "argument 'x' must be float32 or bfloat16 on the CPU");
  const Tensor before = x.contiguous();
  const Normalised n{at::empty_like(before), mean, inverse_deviation};
  apply_norm(before, {}, n, {gamma, beta, mean, inverse_deviation, false, 0, 0}, relu);
  return n.y;
}

// → dx, dgamma, dbeta
std::tuple<Tensor, Tensor, Tensor> bn_backward(const Tensor& dy, const Tensor& x, bool relu, const Tensor& gamma,
                                               const Tensor& beta, const Tensor& mean, const Tensor& inverse_deviation,
                                               bool training, double epsilon) {
  const optional<Tensor> none;
  const NormalisedBy norm{gamma, beta, mean, inverse_deviation, training, mask_of({}, {}, relu), none};
  const auto g = on_cpu(x) ? normalise_backward(RowsIn(dy.contiguous()), x.contiguous(), norm, {}, false)
                           : normalise_backward_elsewhere(dy, x, {}, {}, norm, epsilon, false).norm;
  return {g.x, g.gamma, g.beta};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "conv(Tensor x, Tensor filter, Tensor? bias, int stride, int padding, int groups, int[] resized) -> Tensor",
      conv);
  library.def("as_filter(Tensor(a) filter) -> Tensor(a)", as_filter);
  library.def(
      "conv_backward(Tensor dy, Tensor x, Tensor filter, bool has_bias, int stride, int padding, int groups, "
      "int[] resized, bool need_x, bool reuse_x, bool need_parameters) -> (Tensor, Tensor, Tensor)",
      conv_backward);
  library.def(
      "conv_bn(Tensor x, Tensor filter, Tensor? bias, Tensor gamma, Tensor beta, Tensor running_mean, "
      "Tensor running_variance, Tensor? residual, int stride, int padding, int groups, int[] resized, bool training, "
      "float momentum, float epsilon, bool relu, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
      conv_bn);
  library.def(
      "conv_bn_backward(Tensor dy, Tensor? x, int[] x_shape, Tensor filter, Tensor c, Tensor? y, Tensor? residual, "
      "bool relu, Tensor gamma, Tensor beta, Tensor mean, Tensor inverse_deviation, bool has_bias, int stride, int padding, int groups, int[] resized, "
      "bool training, float epsilon, bool need_x, bool reuse_x, bool reuse_c, bool reuse_dy, bool need_parameters, "
      "bool need_residual) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
      conv_bn_backward);
  library.def(
      "bn(Tensor x, Tensor gamma, Tensor beta, Tensor running_mean, Tensor running_variance, bool training, "
      "float momentum, float epsilon, bool relu) -> (Tensor, Tensor, Tensor)",
      bn);
  library.def(
      "bn_result(Tensor x, Tensor gamma, Tensor beta, Tensor mean, Tensor inverse_deviation, bool relu) -> Tensor",
      bn_result);
  library.def(
      "bn_backward(Tensor dy, Tensor x, bool relu, Tensor gamma, Tensor beta, Tensor mean, Tensor inverse_deviation, "
      "bool training, float epsilon) -> (Tensor, Tensor, Tensor)",
      bn_backward);
}

}  // namespace locallearn
