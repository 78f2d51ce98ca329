// Batch normalisation of maps wherever they lie: ours on the CPU, libtorch's elsewhere.
#pragma once

#include "../kernels/batch_norm.h"
#include "../kernels/optional.h"

#include <ATen/ATen.h>

namespace locallearn {

Normalised normalise_anywhere(const at::Tensor& x, const BatchNorm& norm, const optional<at::Tensor>& residual, bool relu);

struct ResidualGradients {
  NormaliseGradients norm;
  at::Tensor residual;  // dy through the ReLU's mask, where asked for
};

// `y` or `added`, the residual, is what the mask of a ReLU behind a residual is found with.
ResidualGradients normalise_backward_elsewhere(const at::Tensor& dy, const at::Tensor& x, const optional<at::Tensor>& y,
                                               const optional<at::Tensor>& added, const NormalisedBy& norm, double epsilon,
                                               bool need_residual);

Mask mask_of(const optional<at::Tensor>& y, const optional<at::Tensor>& added, bool relu);

// The result of `bn`, or of `conv_bn` without a residual, once more: x is what was normalised. On the CPU.
at::Tensor bn_result(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta, const at::Tensor& mean,
                     const at::Tensor& inverse_deviation, bool relu);

}  // namespace locallearn
