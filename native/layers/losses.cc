// Losses over whole images in one pass: made of elementwise operators they would hold half a dozen maps at a time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "../kernels/entropy.h"

namespace locallearn {
namespace {

using at::Tensor;

constexpr int64_t kGrain = 4096;

bool plain(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

void check_sizes(const Tensor& logits, const Tensor& targets) {
  TORCH_CHECK(logits.sizes() == targets.sizes() && logits.numel() > 0, "logits of shape ", logits.sizes(),
              ", targets of shape ", targets.sizes());
}

// Mean of max(x, 0) − x·t + log(1 + exp(−|x|)), which overflows at neither end.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets) {
  check_sizes(logits, targets);
  if (!plain(logits) || !plain(targets)) return at::binary_cross_entropy_with_logits(logits, targets);
  const Tensor x = logits.contiguous(), t = targets.contiguous();
  const float *const px = x.data_ptr<float>(), *const pt = t.data_ptr<float>();
  const int64_t count = x.numel();
  const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), count / kGrain));
  const int64_t share = (count + parts - 1) / parts;
  std::vector<double> sums(parts, 0.0);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) {
      const int64_t first = part * share;
      sums[part] = entropy_loops().sum(px + first, pt + first, std::max<int64_t>(0, std::min(share, count - first)));
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return at::full({}, sum / count, x.options());
}

// (sigmoid(x) − t) · dy / count, written over the logits.
Tensor binary_cross_entropy_backward_(const Tensor& dy, const Tensor& logits, const Tensor& targets) {
  check_sizes(logits, targets);
  TORCH_CHECK(dy.numel() == 1, "dy must be a single number, got shape ", dy.sizes());
  if (!plain(logits) || !plain(targets) || !logits.is_contiguous()) {
    // Not its value, which on a GPU would have to be waited for.
    return logits.sigmoid_().sub_(targets).mul_(dy.reshape({}) / logits.numel());
  }
  const double factor = dy.item<double>() / logits.numel();
  const Tensor t = targets.contiguous();
  float* const px = logits.data_ptr<float>();
  const float* const pt = t.data_ptr<float>();
  at::parallel_for(0, logits.numel(), kGrain, [&](int64_t begin, int64_t end) {
    entropy_loops().gradient(px + begin, pt + begin, static_cast<float>(factor), end - begin);
  });
  return logits;
}

// Mean over the rows of −Σ target · log softmax(logits). → loss, log softmax
std::tuple<Tensor, Tensor> cross_entropy(const Tensor& logits, const Tensor& targets) {
  check_sizes(logits, targets);
  TORCH_CHECK(logits.dim() == 2, "argument 'logits' must be [n, classes], got shape ", logits.sizes());
  const Tensor logarithms = at::log_softmax(logits, 1);
  return {(targets * logarithms).sum().mul_(-1.0 / logits.size(0)), logarithms};
}

Tensor cross_entropy_backward(const Tensor& dy, const Tensor& logarithms, const Tensor& targets) {
  check_sizes(logarithms, targets);
  TORCH_CHECK(dy.numel() == 1 && logarithms.dim() == 2, "dy must be a single number, got shape ", dy.sizes(),
              ", for a log softmax of shape ", logarithms.sizes());
  const Tensor gradient = logarithms.exp().mul_(targets.sum(1, true)).sub_(targets);
  return gradient.mul_(dy.reshape({}) / logarithms.size(0));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def("cross_entropy(Tensor logits, Tensor targets) -> (Tensor, Tensor)", cross_entropy);
  library.def("cross_entropy_backward(Tensor dy, Tensor log_softmax, Tensor targets) -> Tensor", cross_entropy_backward);
  library.def("binary_cross_entropy(Tensor logits, Tensor targets) -> Tensor", binary_cross_entropy);
  library.def(
      "binary_cross_entropy_backward_(Tensor dy, Tensor(a!) logits, Tensor targets) -> Tensor(a!)",
      binary_cross_entropy_backward_);
}

}  // namespace locallearn
