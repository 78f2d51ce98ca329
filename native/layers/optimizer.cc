// Multi-tensor updates of parameters: one call for all of an update's variables.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

namespace locallearn {
namespace {

using at::Tensor;
using at::TensorList;

constexpr int64_t kGrain = 16384;

// Whether one loop over raw memory visits the same elements in both, of float32 and of `type`.
bool same_dense_layout(const Tensor& a, const Tensor& b, at::ScalarType type = at::kFloat) {
  return a.scalar_type() == at::kFloat && b.scalar_type() == type && a.is_non_overlapping_and_dense() &&
         a.sizes() == b.sizes() && a.strides() == b.strides();
}

// State may be kept in bfloat16: it is computed with in float32, and rounded, ties to even, only where it is kept.
bool is_short(const Tensor& state) { return state.scalar_type() == at::kBFloat16; }

bool any_short(TensorList states) { return std::any_of(states.begin(), states.end(), is_short); }

std::vector<Tensor> in_float(TensorList states) {
  std::vector<Tensor> copies;
  for (const Tensor& state : states) copies.push_back(state.to(at::kFloat));
  return copies;
}

void keep(TensorList states, const std::vector<Tensor>& values) {
  for (size_t i = 0; i < states.size(); i++) states[i].copy_(values[i]);
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
  tensor.set_(at::empty_like(like, tensor.options()).copy_(tensor));
}

void sgd_elsewhere(TensorList parameters, TensorList gradients, TensorList momenta, double learning_rate,
                   double momentum, double weight_decay, bool nesterov) {
  if (any_short(momenta)) {
    const std::vector<Tensor> velocities = in_float(momenta);
    sgd_elsewhere(parameters, gradients, velocities, learning_rate, momentum, weight_decay, nesterov);
    keep(momenta, velocities);
    return;
  }
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

// g ← g + λp; m ← μm + g; p ← p − η(g + μm) with Nesterov, else p ← p − ηm.
template <typename State>
void momentum_loop(float* pp, State* mp, const float* gp, int64_t numel, float eta, float mu, float lambda,
                   bool nesterov) {
  at::parallel_for(0, numel, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; k++) {
      const float step = gp[k] + lambda * pp[k];
      const float velocity = mu * static_cast<float>(mp[k]) + step;
      mp[k] = velocity;
      pp[k] -= eta * (nesterov ? step + mu * velocity : velocity);
    }
  });
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
    if (!plain && is_short(m)) {
      // A copy in the parameter's layout where the momentum's is another: the numbers must not depend on it.
      const bool same = same_dense_layout(p, m, at::kBFloat16);
      const Tensor own = same ? m : at::empty_like(p, m.options()).copy_(m);
      TORCH_CHECK(same || same_dense_layout(p, own, at::kBFloat16), "parameter ", i, " is no dense float32 tensor");
      const Tensor g = in_layout_of(p, gradients[i]);
      momentum_loop(p.data_ptr<float>(), own.data_ptr<at::BFloat16>(), g.data_ptr<float>(), p.numel(), eta, mu, lambda,
                    nesterov);
      if (!same) m.copy_(own);
      continue;
    }
    if (!same_dense_layout(p, m)) {
      Tensor g = gradients[i].add(p, weight_decay);
      if (!plain) m.mul_(momentum).add_(g);
      p.sub_(plain ? g : nesterov ? g.add_(m, momentum) : m, learning_rate);
      continue;
    }
    const Tensor g = in_layout_of(p, gradients[i]);
    float* const pp = p.data_ptr<float>();
    const float* const gp = g.data_ptr<float>();
    if (!plain) {
      momentum_loop(pp, m.data_ptr<float>(), gp, p.numel(), eta, mu, lambda, nesterov);
      continue;
    }
    at::parallel_for(0, p.numel(), kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) pp[k] -= eta * (gp[k] + lambda * pp[k]);
    });
  }
}

struct AdamW {
  float first, second, first_rest, second_rest, keep, rate, root_correction, epsilon;
};

template <typename Average>
void adamw_loop(float* pp, Average* mp, float* vp, const float* gp, int64_t numel, const AdamW& with) {
  at::parallel_for(0, numel, kGrain, [=](int64_t begin, int64_t end) {
    const auto [first, second, first_rest, second_rest, keep, eta, root_correction, eps] = with;
    for (int64_t k = begin; k < end; k++) {
      const float average = first * static_cast<float>(mp[k]) + first_rest * gp[k];
      mp[k] = average;
      vp[k] = second * vp[k] + second_rest * gp[k] * gp[k];
      pp[k] = keep * pp[k] - eta * (average / (std::sqrt(vp[k]) / root_correction + eps));
    }
  });
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
    if (any_short(averages)) {
      const std::vector<Tensor> copies = in_float(averages);
      adamw_(parameters, gradients, copies, squares, learning_rate, beta1, beta2, epsilon, weight_decay, step);
      keep(averages, copies);
      return;
    }
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
  const AdamW with{static_cast<float>(beta1),     static_cast<float>(beta2),      static_cast<float>(1 - beta1),
                   static_cast<float>(1 - beta2), static_cast<float>(kept),       static_cast<float>(rate),
                   static_cast<float>(correction), static_cast<float>(epsilon)};
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor &p = parameters[i], &m = averages[i], &v = squares[i];
    if (is_short(m)) {
      const auto in_layout = [&p](const Tensor& state, at::ScalarType type) {
        return same_dense_layout(p, state, type) ? state : at::empty_like(p, state.options()).copy_(state);
      };
      const Tensor own_m = in_layout(m, at::kBFloat16), own_v = in_layout(v, at::kFloat);
      TORCH_CHECK(same_dense_layout(p, own_m, at::kBFloat16) && same_dense_layout(p, own_v), "parameter ", i,
                  " and its squares are no dense float32 tensors");
      const Tensor g = in_layout_of(p, gradients[i]);
      adamw_loop(p.data_ptr<float>(), own_m.data_ptr<at::BFloat16>(), own_v.data_ptr<float>(), g.data_ptr<float>(),
                 p.numel(), with);
      if (!own_m.is_same(m)) m.copy_(own_m);
      if (!own_v.is_same(v)) v.copy_(own_v);
      continue;
    }
    if (!same_dense_layout(p, m) || !same_dense_layout(p, v)) {
      p.mul_(kept);
      m.mul_(beta1).add_(gradients[i], 1 - beta1);
      v.mul_(beta2).addcmul_(gradients[i], gradients[i], 1 - beta2);
      p.addcdiv_(m, v.sqrt().div_(correction).add_(epsilon), -rate);
      continue;
    }
    const Tensor g = in_layout_of(p, gradients[i]);
    adamw_loop(p.data_ptr<float>(), m.data_ptr<float>(), v.data_ptr<float>(), g.data_ptr<float>(), p.numel(), with);
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
