#include "trust.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/aminmax.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace locallearn {
namespace {

int64_t require_channels(const at::Tensor& input) {
  TORCH_CHECK(input.dim() >= 2 && input.numel() > 0,
              "argument 'input' must have two dimensions or more and not be empty, got shape ", input.sizes());
  return input.size(1);
}

void check_batch_norm(const c10::FunctionSchema&, const torch::jit::Stack& arguments) {
  const int64_t channels = require_channels(arguments[0].toTensor());
  const bool training = arguments[5].toBool();
  check_per_channel(arguments[1], "weight", channels, false);
  check_per_channel(arguments[2], "bias", channels, false);
  check_per_channel(arguments[3], "running_mean", channels, !training);
  check_per_channel(arguments[4], "running_var", channels, !training);
}

// Read by row: as many gradients, means and deviations as the input has rows of the normalised shape.
void check_layer_norm_backward(const c10::FunctionSchema&, const torch::jit::Stack& arguments) {
  const at::Tensor &gradient = arguments[0].toTensor(), &input = arguments[1].toTensor();
  TORCH_CHECK(gradient.sizes() == input.sizes() && gradient.scalar_type() == input.scalar_type(),
              "argument 'grad_out' must have the input's type and shape ", input.sizes(), ", got ", gradient.sizes());
  const auto normalized = arguments[2].toIntVector();
  TORCH_CHECK(!normalized.empty() && normalized.size() <= static_cast<size_t>(input.dim()),
              "argument 'normalized_shape' must be the input's last dimensions");
  int64_t rows = 1;
  for (size_t axis = 0; axis < input.dim() - normalized.size(); ++axis) rows *= input.size(axis);
  for (const auto& [index, name] : {std::pair(3, "mean"), std::pair(4, "rstd")}) {
    const at::Tensor& each = arguments[index].toTensor();
    TORCH_CHECK(each.numel() == rows && each.is_contiguous() && each.scalar_type() == input.scalar_type(), "argument '",
                name, "' must have ", rows, " numbers of the input's type and nothing between, one a row, got shape ",
                each.sizes());
  }
}

// The gradient of a maximum pool is written to wherever the indices say.
template <int spatial>
void check_max_pool_backward(const c10::FunctionSchema&, const torch::jit::Stack& arguments) {
  const at::Tensor &gradient = arguments[0].toTensor(), &input = arguments[1].toTensor();
  const at::Tensor& indices = arguments[7].toTensor();
  TORCH_CHECK(input.dim() >= spatial, "argument 'self' must have ", spatial, " dimensions or more");
  TORCH_CHECK(indices.scalar_type() == c10::ScalarType::Long && indices.sizes() == gradient.sizes(),
              "argument 'indices' must be int64 of the gradient's shape ", gradient.sizes(), ", got shape ",
              indices.sizes());
  if (!indices.is_cpu() || indices.numel() == 0) return;
  int64_t positions = 1;
  for (int axis = 1; axis <= spatial; ++axis) positions *= input.size(-axis);
  const auto [least, most] = at::aminmax(indices);
  TORCH_CHECK(least.item<int64_t>() >= 0 && most.item<int64_t>() < positions,
              "argument 'indices' must lie within the ", positions, " positions of the input");
}

constexpr std::pair<std::string_view, Precondition> kPreconditions[] = {
    {"aten::native_batch_norm", check_batch_norm},
    {"aten::native_layer_norm_backward", check_layer_norm_backward},
    {"aten::max_pool2d_with_indices_backward", check_max_pool_backward<2>},
    {"aten::max_pool3d_with_indices_backward", check_max_pool_backward<3>},
};

}  // namespace

void check_per_channel(const c10::IValue& value, const char* name, int64_t channels, bool needed) {
  const bool given = value.isTensor() && value.toTensor().defined();
  TORCH_CHECK(given || !needed, "argument '", name, "' is needed here, got null");
  if (!given) return;
  const at::Tensor& tensor = value.toTensor();
  TORCH_CHECK(tensor.dim() == 1 && tensor.size(0) == channels && tensor.is_contiguous(), "argument '", name,
              "' must have shape [", channels, "], one number a channel and nothing between, got shape ",
              tensor.sizes());
}

bool must_be_null(const c10::FunctionSchema& schema, const c10::Argument& argument) {
  const bool resizes = schema.name().rfind("aten::upsample_", 0) == 0;
  return (resizes && argument.name().rfind("scales", 0) == 0) ||
         (schema.name() == "aten::searchsorted" && argument.name() == "sorter");
}

Precondition precondition_of(const std::string& name) {
  if (name == "locallearn::max_pool_backward") return nullptr;  // its maps are of several types; it checks them itself
  if (name.rfind("locallearn::", 0) == 0) return check_layer;
  for (const auto& [known, check] : kPreconditions) {
    if (known == name) return check;
  }
  return nullptr;
}

}  // namespace locallearn
