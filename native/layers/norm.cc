#include "norm.h"

#include "library_conv.h"
#include "maps.h"

#include <torch/library.h>

#include <tuple>

namespace locallearn {

using at::Tensor;

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

ResidualGradients normalise_backward_elsewhere(const Tensor& dy, const Tensor& x, const optional<Tensor>& y,
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

Mask mask_of(const optional<Tensor>& y, const optional<Tensor>& added, bool relu) {
  return !relu ? Mask::kNone : y.has_value() ? Mask::kOutput : added.has_value() ? Mask::kSum : Mask::kNorm;
}

Tensor bn_result(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                 const Tensor& inverse_deviation, bool relu) {
  TORCH_CHECK(on_cpu(x), "argument 'x' must be float32 or bfloat16 on the CPU");
  const Tensor before = x.contiguous();
  const Normalised n{at::empty_like(before), mean, inverse_deviation};
  apply_norm(before, {}, n, {gamma, beta, mean, inverse_deviation, false, 0, 0}, relu);
  return n.y;
}

namespace {

// → y, mean, inverse deviation; x is [n, h, w, c] or [n, c].
std::tuple<Tensor, Tensor, Tensor> bn(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                      const Tensor& running_mean, const Tensor& running_variance, bool training,
                                      double momentum, double epsilon, bool relu) {
  const auto n = normalise_anywhere(x, {gamma, beta, running_mean, running_variance, training, momentum, epsilon}, {}, relu);
  return {n.y, n.mean, n.inverse_deviation};
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
