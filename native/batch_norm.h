// Batch normalisation over the last axis of contiguous float32 CPU tensors, with ReLU and residual folded in.
#pragma once

#include <ATen/ATen.h>

namespace locallearn {

struct Normalised {
  at::Tensor y, mean, inverse_deviation;
};

struct NormaliseGradients {
  at::Tensor x, gamma, beta;
};

// y = (x − mean)·γ/σ + β, then + residual, then ReLU. x and residual are [rows…, channels]; running statistics are
// updated in training mode (unbiased variance).
Normalised normalise(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                     const at::Tensor& running_mean, const at::Tensor& running_variance,
                     const c10::optional<at::Tensor>& residual, bool training, double momentum, double epsilon,
                     bool relu);

// `relu_output`: y where a ReLU came after a residual. `relu_of_norm`: a ReLU came directly after, and its mask is
// recomputed from x. `masked`, where given, receives dy times the mask.
NormaliseGradients normalise_backward(const at::Tensor& dy, const at::Tensor& x,
                                      const c10::optional<at::Tensor>& relu_output, bool relu_of_norm,
                                      const at::Tensor& gamma, const at::Tensor& beta, const at::Tensor& mean,
                                      const at::Tensor& inverse_deviation, bool training,
                                      const c10::optional<at::Tensor>& masked);

}  // namespace locallearn
