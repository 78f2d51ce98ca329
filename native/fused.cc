// Layers as single operators: convolution, batch normalisation, an optional residual and ReLU.
// One call forward and one backward, keeping only what the backward needs.
// Layouts are TensorFlow.js's: activations [n, h, w, c], filters [h, w, in, out].
#include <ATen/ATen.h>
#include <torch/library.h>

#include <tuple>
#include <vector>

#include "batch_norm.h"

namespace locallearn {
namespace {

using at::Tensor;
using c10::optional;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

// [n, h, w, c] as a channels-last [n, c, h, w]; the same memory. Rank 2, [n, c], stays as it is.
Tensor to_nchw(const Tensor& x) { return x.dim() == 4 ? x.permute({0, 3, 1, 2}) : x; }

Tensor to_nhwc(const Tensor& x) {
  return x.dim() == 4 ? x.contiguous(kChannelsLast).permute({0, 2, 3, 1}) : x;
}

optional<Tensor> contiguous(const optional<Tensor>& x) {
  return x.has_value() ? optional<Tensor>(x->contiguous()) : optional<Tensor>();
}

Tensor filter_to_oihw(const Tensor& filter) { return filter.permute({3, 2, 0, 1}).contiguous(kChannelsLast); }

Tensor filter_to_hwio(const Tensor& filter) { return filter.permute({2, 3, 1, 0}); }

Tensor convolve(const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, int64_t stride, int64_t padding,
                int64_t groups) {
  return at::convolution(to_nchw(x), filter_to_oihw(filter), bias, {stride, stride}, {padding, padding}, {1, 1}, false,
                         {0, 0}, groups);
}

struct ConvolutionGradients {
  Tensor x, filter, bias;  // in TensorFlow.js's layouts; undefined where not asked for
};

// dc is [n, c, h, w].
ConvolutionGradients convolve_backward(const Tensor& dc, const Tensor& x, const Tensor& filter, bool has_bias,
                                       int64_t stride, int64_t padding, int64_t groups, bool need_x,
                                       bool need_parameters) {
  const std::vector<int64_t> bias_sizes{filter.size(3)};
  auto [dx, dfilter, dbias] = at::convolution_backward(
      dc, to_nchw(x), filter_to_oihw(filter),
      has_bias ? at::OptionalIntArrayRef(bias_sizes) : at::OptionalIntArrayRef(), {stride, stride}, {padding, padding},
      {1, 1}, false, {0, 0}, groups, {need_x, need_parameters, need_parameters && has_bias});
  return {need_x ? to_nhwc(dx) : Tensor(), need_parameters ? filter_to_hwio(dfilter) : Tensor(), dbias};
}

// Our own kernels serve contiguous float32 on the CPU, which is all that the CPU engine makes; libtorch's the rest.
bool on_cpu(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

Normalised normalise_anywhere(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                              const Tensor& running_variance, const optional<Tensor>& residual, bool training,
                              double momentum, double epsilon, bool relu) {
  if (on_cpu(x)) {
    return normalise(x.contiguous(), gamma, beta, running_mean, running_variance, contiguous(residual), training,
                     momentum, epsilon, relu);
  }
  auto [y, mean, inverse_deviation] =
      at::native_batch_norm(to_nchw(x), gamma, beta, running_mean, running_variance, training, momentum, epsilon);
  if (!training) {
    mean = running_mean.clone();
    inverse_deviation = (running_variance + epsilon).rsqrt_();
  }
  if (residual.has_value()) y.add_(to_nchw(*residual));
  if (relu) y.relu_();
  return {to_nhwc(y), mean, inverse_deviation};
}

struct Backward {
  NormaliseGradients norm;
  Tensor residual;  // dy through the ReLU's mask, where asked for
};

Backward normalise_backward_anywhere(const Tensor& dy, const Tensor& x, const optional<Tensor>& y, bool relu,
                                     const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                     const Tensor& inverse_deviation, bool training, double epsilon,
                                     bool need_residual) {
  TORCH_CHECK(!need_residual || !relu || y.has_value(), "the gradient of a residual behind a ReLU needs its output");
  if (on_cpu(x)) {
    const Tensor gradient = dy.contiguous();
    const bool store = need_residual && relu;
    const optional<Tensor> masked = store ? optional<Tensor>(at::empty_like(gradient)) : optional<Tensor>();
    const auto norm = normalise_backward(gradient, x.contiguous(), contiguous(y), relu && !y.has_value(), gamma, beta,
                                         mean, inverse_deviation, training, masked);
    return {norm, store ? *masked : need_residual ? dy : Tensor()};
  }
  Tensor masked = dy;
  if (relu) {
    const Tensor output = y.has_value() ? *y : (x - mean) * (gamma * inverse_deviation) + beta;
    masked = at::threshold_backward(dy, output, 0);
  }
  // In evaluation mode the saved mean and deviation are the running ones.
  const auto running_mean = training ? optional<Tensor>() : optional<Tensor>(mean);
  const auto running_variance = training ? optional<Tensor>() : optional<Tensor>(inverse_deviation.pow(-2).sub_(epsilon));
  auto [dx, dgamma, dbeta] = at::native_batch_norm_backward(to_nchw(masked), to_nchw(x), gamma, running_mean, running_variance, mean,
                                                            inverse_deviation, training, epsilon, {true, true, true});
  return {{to_nhwc(dx), dgamma, dbeta}, need_residual ? masked : Tensor()};
}

Tensor conv(const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, int64_t stride, int64_t padding,
            int64_t groups) {
  return to_nhwc(convolve(x, filter, bias, stride, padding, groups));
}

// → dx, dfilter, dbias
std::tuple<Tensor, Tensor, Tensor> conv_backward(const Tensor& dy, const Tensor& x, const Tensor& filter, bool has_bias,
                                                 int64_t stride, int64_t padding, int64_t groups, bool need_x,
                                                 bool need_parameters) {
  const auto g = convolve_backward(to_nchw(dy), x, filter, has_bias, stride, padding, groups, need_x, need_parameters);
  return {g.x, g.filter, g.bias};
}

// → y [n, h, w, out], convolution output, mean, inverse deviation
std::tuple<Tensor, Tensor, Tensor, Tensor> conv_bn(
    const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, const Tensor& gamma, const Tensor& beta,
    const Tensor& running_mean, const Tensor& running_variance, const optional<Tensor>& residual, int64_t stride,
    int64_t padding, int64_t groups, bool training, double momentum, double epsilon, bool relu) {
  const Tensor c = to_nhwc(convolve(x, filter, bias, stride, padding, groups));
  const auto n = normalise_anywhere(c, gamma, beta, running_mean, running_variance, residual, training, momentum, epsilon, relu);
  return {n.y, c, n.mean, n.inverse_deviation};
}

// `y` is needed where a ReLU followed a residual. → dx, dfilter, dbias, dgamma, dbeta, dresidual; those not asked for
// are undefined.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> conv_bn_backward(
    const Tensor& dy, const Tensor& x, const Tensor& filter, const Tensor& c, const optional<Tensor>& y, bool relu,
    const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& inverse_deviation, bool has_bias,
    int64_t stride, int64_t padding, int64_t groups, bool training, double epsilon, bool need_x, bool need_parameters,
    bool need_residual) {
  const auto [norm, residual] = normalise_backward_anywhere(dy, c, y, relu, gamma, beta, mean, inverse_deviation,
                                                            training, epsilon, need_residual);
  const auto conv = convolve_backward(to_nchw(norm.x), x, filter, has_bias, stride, padding, groups, need_x, need_parameters);
  return {conv.x,
          conv.filter,
          conv.bias,
          need_parameters ? norm.gamma : Tensor(),
          need_parameters ? norm.beta : Tensor(),
          residual};
}

// → y, mean, inverse deviation; x is [n, h, w, c] or [n, c].
std::tuple<Tensor, Tensor, Tensor> bn(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_variance, bool training,
                                      double momentum, double epsilon, bool relu) {
  const auto n = normalise_anywhere(x, gamma, beta, running_mean, running_variance, {}, training, momentum, epsilon, relu);
  return {n.y, n.mean, n.inverse_deviation};
}

// → dx, dgamma, dbeta
std::tuple<Tensor, Tensor, Tensor> bn_backward(const Tensor& dy, const Tensor& x, bool relu, const Tensor& gamma,
                                               const Tensor& beta, const Tensor& mean, const Tensor& inverse_deviation,
                                               bool training, double epsilon) {
  const auto g = normalise_backward_anywhere(dy, x, {}, relu, gamma, beta, mean, inverse_deviation, training, epsilon, false);
  return {g.norm.x, g.norm.gamma, g.norm.beta};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "conv(Tensor x, Tensor filter, Tensor? bias, int stride, int padding, int groups) -> Tensor", conv);
  library.def(
      "conv_backward(Tensor dy, Tensor x, Tensor filter, bool has_bias, int stride, int padding, int groups, "
      "bool need_x, bool need_parameters) -> (Tensor, Tensor, Tensor)",
      conv_backward);
  library.def(
      "conv_bn(Tensor x, Tensor filter, Tensor? bias, Tensor gamma, Tensor beta, Tensor running_mean, "
      "Tensor running_variance, Tensor? residual, int stride, int padding, int groups, bool training, "
      "float momentum, float epsilon, bool relu) -> (Tensor, Tensor, Tensor, Tensor)",
      conv_bn);
  library.def(
      "conv_bn_backward(Tensor dy, Tensor x, Tensor filter, Tensor c, Tensor? y, bool relu, Tensor gamma, Tensor beta, "
      "Tensor mean, Tensor inverse_deviation, bool has_bias, int stride, int padding, int groups, bool training, "
      "float epsilon, bool need_x, bool need_parameters, bool need_residual) "
      "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
      conv_bn_backward);
  library.def(
      "bn(Tensor x, Tensor gamma, Tensor beta, Tensor running_mean, Tensor running_variance, bool training, "
      "float momentum, float epsilon, bool relu) -> (Tensor, Tensor, Tensor)",
      bn);
  library.def(
      "bn_backward(Tensor dy, Tensor x, bool relu, Tensor gamma, Tensor beta, Tensor mean, Tensor inverse_deviation, "
      "bool training, float epsilon) -> (Tensor, Tensor, Tensor)",
      bn_backward);
}

}  // namespace locallearn
