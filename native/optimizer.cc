// Multi-tensor updates of parameters: one call for all of an update's variables.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

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

// Stochastic gradient descent as PyTorch defines it: g ← g + λp; m ← μm + g; p ← p − η(g + μm) with Nesterov,
// else p ← p − ηm. Momenta start at zero, which equals PyTorch's first step.
void sgd_(TensorList parameters, TensorList gradients, TensorList momenta, double learning_rate, double momentum,
          double weight_decay, bool nesterov) {
  TORCH_CHECK(parameters.size() == gradients.size() && parameters.size() == momenta.size(), "got ",
              parameters.size(), " parameters, ", gradients.size(), " gradients and ", momenta.size(), " momenta");
  const float eta = learning_rate, mu = momentum, lambda = weight_decay;
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor &p = parameters[i], &m = momenta[i];
    TORCH_CHECK(p.sizes() == gradients[i].sizes() && p.sizes() == m.sizes(), "parameter ", i, " has shape ", p.sizes(),
                ", its gradient ", gradients[i].sizes(), ", its momentum ", m.sizes());
    if (!p.is_cpu() || !same_dense_layout(p, m)) {
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
  for (size_t i = 0; i < averages.size(); i++) averages[i].mul_(momentum).add_(values[i], 1 - momentum);
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
