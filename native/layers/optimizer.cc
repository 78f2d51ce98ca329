// Multi-tensor updates of parameters: one call for all of an update's variables.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <cmath>
#include <initializer_list>
#include <utility>
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
  const bool plain = momenta.empty();
  for (size_t i = 0; i < parameters.size(); i++) {
    take_layout(parameters[i], gradients[i]);
    if (!plain) take_layout(momenta[i], gradients[i]);
  }
  const std::vector<Tensor> steps = at::_foreach_add(gradients, parameters, weight_decay);
  if (!plain) {
    at::_foreach_mul_(momenta, momentum);
    at::_foreach_add_(momenta, steps);
    if (nesterov) at::_foreach_add_(steps, momenta, momentum);
  }
  at::_foreach_add_(parameters, plain || nesterov ? TensorList(steps) : momenta, -learning_rate);
}

// Each list has a tensor for each parameter, of its shape.
void check_lists(TensorList parameters, std::initializer_list<std::pair<const char*, TensorList>> lists) {
  for (const auto& [name, list] : lists) {
    TORCH_CHECK(list.size() == parameters.size(), "got ", parameters.size(), " parameters and ", list.size(), " ",
                name);
    for (size_t i = 0; i < parameters.size(); i++) {
      TORCH_CHECK(list[i].sizes() == parameters[i].sizes(), "parameter ", i, " has shape ", parameters[i].sizes(),
                  ", of the ", name, " that one has ", list[i].sizes());
    }
  }
}

// Stochastic gradient descent as PyTorch defines it: g ← g + λp; m ← μm + g; p ← p − η(g + μm) with Nesterov,
// else p ← p − ηm. Momenta start at zero, which equals PyTorch's first step; where μ is 0 there need be none.
void sgd_(TensorList parameters, TensorList gradients, TensorList momenta, double learning_rate, double momentum,
          double weight_decay, bool nesterov) {
  const bool plain = momenta.empty();
  TORCH_CHECK(!plain || momentum == 0 || parameters.empty(), "no momenta were given for a momentum of ", momentum);
  check_lists(parameters, {{"gradients", gradients}, {"momenta", plain ? gradients : momenta}});
  if (parameters.empty()) return;
  if (!parameters.front().is_cpu()) {
    sgd_elsewhere(parameters, gradients, momenta, learning_rate, momentum, weight_decay, nesterov);
    return;
  }
  const float eta = learning_rate, mu = momentum, lambda = weight_decay;
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor& p = parameters[i];
    const Tensor& m = plain ? p : momenta[i];
    if (!same_dense_layout(p, m)) {
      Tensor g = gradients[i].add(p, weight_decay);
      if (!plain) m.mul_(momentum).add_(g);
      p.sub_(plain ? g : nesterov ? g.add_(m, momentum) : m, learning_rate);
      continue;
    }
    const Tensor g = in_layout_of(p, gradients[i]);
    float* const pp = p.data_ptr<float>();
    float* const mp = m.data_ptr<float>();
    const float* const gp = g.data_ptr<float>();
    at::parallel_for(0, p.numel(), kGrain, [=](int64_t begin, int64_t end) {
      if (plain) {
        for (int64_t k = begin; k < end; k++) pp[k] -= eta * (gp[k] + lambda * pp[k]);
        return;
      }
      for (int64_t k = begin; k < end; k++) {
        const float step = gp[k] + lambda * pp[k];
        const float velocity = mu * mp[k] + step;
        mp[k] = velocity;
        pp[k] -= eta * (nesterov ? step + mu * velocity : velocity);
      }
    });
  }
}

// AdamW as PyTorch defines it: p ← (1 − ηλ)p; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
// p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε). Averages start at zero, t with 1.
void adamw_(TensorList parameters, TensorList gradients, TensorList averages, TensorList squares,
            double learning_rate, double beta1, double beta2, double epsilon, double weight_decay, int64_t step) {
  check_lists(parameters, {{"gradients", gradients}, {"averages", averages}, {"squares", squares}});
  if (parameters.empty()) return;
  const double rate = learning_rate / (1 - std::pow(beta1, step));
  const double correction = std::sqrt(1 - std::pow(beta2, step));
  const double kept = 1 - learning_rate * weight_decay;
  if (!parameters.front().is_cpu()) {
    for (size_t i = 0; i < parameters.size(); i++) {
      for (const TensorList& list : {parameters, averages, squares}) take_layout(list[i], gradients[i]);
    }
    at::_foreach_mul_(parameters, kept);
    at::_foreach_mul_(averages, beta1);
    at::_foreach_add_(averages, gradients, 1 - beta1);
    at::_foreach_mul_(squares, beta2);
    at::_foreach_addcmul_(squares, gradients, gradients, 1 - beta2);
    const std::vector<Tensor> roots = at::_foreach_sqrt(squares);
    at::_foreach_div_(roots, correction);
    at::_foreach_add_(roots, epsilon);
    at::_foreach_addcdiv_(parameters, averages, roots, -rate);
    return;
  }
  const float first = beta1, second = beta2, first_rest = 1 - beta1, second_rest = 1 - beta2;
  const float keep = kept, eta = rate, root_correction = correction, eps = epsilon;
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor &p = parameters[i], &m = averages[i], &v = squares[i];
    if (!same_dense_layout(p, m) || !same_dense_layout(p, v)) {
      p.mul_(kept);
      m.mul_(beta1).add_(gradients[i], 1 - beta1);
      v.mul_(beta2).addcmul_(gradients[i], gradients[i], 1 - beta2);
      p.addcdiv_(m, v.sqrt().div_(correction).add_(epsilon), -rate);
      continue;
    }
    const Tensor g = in_layout_of(p, gradients[i]);
    float* const pp = p.data_ptr<float>();
    float* const mp = m.data_ptr<float>();
    float* const vp = v.data_ptr<float>();
    const float* const gp = g.data_ptr<float>();
    at::parallel_for(0, p.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) {
        mp[k] = first * mp[k] + first_rest * gp[k];
        vp[k] = second * vp[k] + second_rest * gp[k] * gp[k];
        pp[k] = keep * pp[k] - eta * (mp[k] / (std::sqrt(vp[k]) / root_correction + eps));
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
  library.def(
      "adamw_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] averages, Tensor(c!)[] squares, "
      "float learning_rate, float beta1, float beta2, float epsilon, float weight_decay, int step) -> ()",
      adamw_);
  library.def("moving_average_(Tensor(a!)[] averages, Tensor[] values, float momentum) -> ()", moving_average_);
}

}  // namespace locallearn
