// Layers as single operators: convolution, batch normalisation, an optional residual and ReLU.
// One call forward and one backward, keeping only what the backward needs.
// Layouts are TensorFlow.js's: activations [n, h, w, c], filters [h, w, in, out].
#include <ATen/ATen.h>
#include <torch/library.h>

#include <tuple>
#include <vector>

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

struct Normalised {
  Tensor y, mean, inverse_deviation;
};

// Consumes nothing; `x` and the result are [n, c, h, w] or [n, c].
Normalised normalise(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                     const Tensor& running_variance, const optional<Tensor>& residual, bool training,
                     double momentum, double epsilon, bool relu) {
  auto [y, mean, inverse_deviation] =
      at::native_batch_norm(x, gamma, beta, running_mean, running_variance, training, momentum, epsilon);
  if (!training) {
    mean = running_mean.clone();
    inverse_deviation = (running_variance + epsilon).rsqrt_();
  }
  if (residual.has_value()) y.add_(to_nchw(*residual));
  if (relu) y.relu_();
  return {y, mean, inverse_deviation};
}

struct NormaliseGradients {
  Tensor x, gamma, beta;
};

NormaliseGradients normalise_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma,
                                      const Tensor& mean, const Tensor& inverse_deviation, bool training,
                                      double epsilon, bool parameters) {
  // In evaluation mode the saved mean and deviation are the running ones, so passing them as both is right.
  const Tensor variance = training ? Tensor() : inverse_deviation.pow(-2).sub_(epsilon);
  const optional<Tensor> running_mean = training ? optional<Tensor>() : optional<Tensor>(mean);
  const optional<Tensor> running_variance = training ? optional<Tensor>() : optional<Tensor>(variance);
  auto [dx, dgamma, dbeta] =
      at::native_batch_norm_backward(dy, x, gamma, running_mean, running_variance, mean, inverse_deviation,
                                     training, epsilon, {true, parameters, parameters});
  return {dx, dgamma, dbeta};
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
    const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, const Tensor& gamma,
    const Tensor& beta, const Tensor& running_mean, const Tensor& running_variance,
    const optional<Tensor>& residual, int64_t stride, int64_t padding, int64_t groups, bool training,
    double momentum, double epsilon, bool relu) {
  const Tensor c = convolve(x, filter, bias, stride, padding, groups);
  const auto n = normalise(c, gamma, beta, running_mean, running_variance, residual, training, momentum, epsilon, relu);
  return {to_nhwc(n.y), to_nhwc(c), n.mean, n.inverse_deviation};
}

// → dx, dfilter, dbias, dgamma, dbeta, dresidual; those not asked for are undefined.
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> conv_bn_backward(
    const Tensor& dy, const Tensor& x, const Tensor& filter, const Tensor& c, const optional<Tensor>& y,
    const Tensor& gamma, const Tensor& mean, const Tensor& inverse_deviation, bool has_bias,
    int64_t stride, int64_t padding, int64_t groups, bool training, double epsilon, bool need_x,
    bool need_parameters, bool need_residual) {
  const Tensor masked = y.has_value() ? at::threshold_backward(to_nchw(dy), to_nchw(*y), 0) : to_nchw(dy);
  auto norm = normalise_backward(masked, to_nchw(c), gamma, mean, inverse_deviation, training, epsilon, need_parameters);
  const auto conv = convolve_backward(norm.x, x, filter, has_bias, stride, padding, groups, need_x, need_parameters);
  return {conv.x,
          conv.filter,
          conv.bias,
          need_parameters ? norm.gamma : Tensor(),
          need_parameters ? norm.beta : Tensor(),
          need_residual ? to_nhwc(masked) : Tensor()};
}

// → y, mean, inverse deviation; x is [n, h, w, c] or [n, c].
std::tuple<Tensor, Tensor, Tensor> bn(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_variance,
                                      bool training, double momentum, double epsilon, bool relu) {
  const auto n = normalise(to_nchw(x), gamma, beta, running_mean, running_variance, {}, training, momentum, epsilon, relu);
  return {to_nhwc(n.y), n.mean, n.inverse_deviation};
}

// → dx, dgamma, dbeta
std::tuple<Tensor, Tensor, Tensor> bn_backward(const Tensor& dy, const Tensor& x, const optional<Tensor>& y,
                                               const Tensor& gamma, const Tensor& mean,
                                               const Tensor& inverse_deviation, bool training,
                                               double epsilon, bool need_parameters) {
  const Tensor masked = y.has_value() ? at::threshold_backward(to_nchw(dy), to_nchw(*y), 0) : to_nchw(dy);
  const auto norm =
      normalise_backward(masked, to_nchw(x), gamma, mean, inverse_deviation, training, epsilon, need_parameters);
  return {to_nhwc(norm.x), need_parameters ? norm.gamma : Tensor(), need_parameters ? norm.beta : Tensor()};
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
      "conv_bn_backward(Tensor dy, Tensor x, Tensor filter, Tensor c, Tensor? y, Tensor gamma, Tensor mean, "
      "Tensor inverse_deviation, bool has_bias, int stride, int padding, int groups, bool training, "
      "float epsilon, bool need_x, bool need_parameters, bool need_residual) "
      "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
      conv_bn_backward);
  library.def(
      "bn(Tensor x, Tensor gamma, Tensor beta, Tensor running_mean, Tensor running_variance, bool training, "
      "float momentum, float epsilon, bool relu) -> (Tensor, Tensor, Tensor)",
      bn);
  library.def(
      "bn_backward(Tensor dy, Tensor x, Tensor? y, Tensor gamma, Tensor mean, Tensor inverse_deviation, "
      "bool training, float epsilon, bool need_parameters) -> (Tensor, Tensor, Tensor)",
      bn_backward);
}

}  // namespace locallearn
