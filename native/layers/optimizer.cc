// Multi-tensor updates of parameters: one call for all of an update's variables.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <vector>

namespace locallearn {
namespace {

using at::Tensor;
using at::TensorList;

constexpr int64_t kGrain = 16384;

// Whether one loop over raw memory visits the same elements in all of them.
bool same_dense_layout(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat && a.is_non_overlapping_and_dense() &&
         a.sizes() == b.sizes() && a.strides() == b.strides();
}

Tensor in_layout_of(const Tensor& like, const Tensor& value) {
  if (same_dense_layout(like, value)) return value;
  Tensor copy = at::empty_like(like);
  copy.copy_(value);
  return copy;
}

// Elsewhere libtorch's multi-tensor kernels serve, and those want one layout: a filter takes that in which its gradient
// comes, in which the convolution has to bring it otherwise. Of matrices the layout would choose the kernel, and so the
// last bits.
void take_layout(const Tensor& tensor, const Tensor& like) {
  const bool filter = tensor.dim() == 4 && tensor.size(0) * tensor.size(1) > 1;
  if (!filter || tensor.strides() == like.strides() || !like.is_non_overlapping_and_dense() ||
      tensor.storage().use_count() > 1) {
    return;
  }
  tensor.set_(at::empty_like(like).copy_(tensor));
}

void sgd_elsewhere(TensorList parameters, TensorList gradients, TensorList momenta, double learning_rate,
                   double momentum, double weight_decay, bool nesterov) {
  for (size_t i = 0; i < parameters.size(); i++) {
    take_layout(parameters[i], gradients[i]);
    take_layout(momenta[i], gradients[i]);
  }
  const std::vector<Tensor> steps = at::_foreach_add(gradients, parameters, weight_decay);
  at::_foreach_mul_(momenta, momentum);
  at::_foreach_add_(momenta, steps);
  if (nesterov) at::_foreach_add_(steps, momenta, momentum);
  at::_foreach_add_(parameters, nesterov ? TensorList(steps) : momenta, -learning_rate);
}

// Stochastic gradient descent as PyTorch defines it: g ← g + λp; m ← μm + g; p ← p − η(g + μm) with Nesterov,
// else p ← p − ηm. Momenta start at zero, which equals PyTorch's first step.
void sgd_(TensorList parameters, TensorList gradients, TensorList momenta, double learning_rate, double momentum,
          double weight_decay, bool nesterov) {
  TORCH_CHECK(parameters.size() == gradients.size() && parameters.size() == momenta.size(), "got ",
              parameters.size(), " parameters, ", gradients.size(), " gradients and ", momenta.size(), " momenta");
  if (parameters.empty()) return;
  for (size_t i = 0; i < parameters.size(); i++) {
    TORCH_CHECK(parameters[i].sizes() == gradients[i].sizes() && parameters[i].sizes() == momenta[i].sizes(),
                "parameter ", i, " has shape ", parameters[i].sizes(), ", its gradient ", gradients[i].sizes(),
                ", its momentum ", momenta[i].sizes());
  }
  if (!parameters.front().is_cpu()) {
    sgd_elsewhere(parameters, gradients, momenta, learning_rate, momentum, weight_decay, nesterov);
    return;
  }
  const float eta = learning_rate, mu = momentum, lambda = weight_decay;
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor &p = parameters[i], &m = momenta[i];
    if (!same_dense_layout(p, m)) {
      Tensor g = gradients[i].add(p, weight_decay);
      m.mul_(momentum).add_(g);
      p.sub_(nesterov ? g.add_(m, momentum) : m, learning_rate);
      continue;
    }
    const Tensor g = in_layout_of(p, gradients[i]);
    float* const pp = p.data_ptr<float>();
    float* const mp = m.data_ptr<float>();
    const float* const gp = g.data_ptr<float>();
    at::parallel_for(0, p.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) {
        const float step = gp[k] + lambda * pp[k];
        const float velocity = mu * mp[k] + step;
        mp[k] = velocity;
        pp[k] -= eta * (nesterov ? step + mu * velocity : velocity);
      }
    });
  }
}

// averages ← momentum · averages + (1 − momentum) · values
void moving_average_(TensorList averages, TensorList values, double momentum) {
  TORCH_CHECK(averages.size() == values.size(), "got ", averages.size(), " averages and ", values.size(), " values");
  if (averages.empty()) return;
  at::_foreach_mul_(averages, momentum);
  at::_foreach_add_(averages, values, 1 - momentum);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "sgd_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] momenta, float learning_rate, "
      "float momentum, float weight_decay, bool nesterov) -> ()",
      sgd_);
  library.def("moving_average_(Tensor(a!)[] averages, Tensor[] values, float momentum) -> ()", moving_average_);
}

}  // namespace locallearn
