// What this addon's own layers take on trust: shapes that belong together, checked before their loops over raw
// memory. Arguments are found by name, so that one function serves all of them.
#include "trust.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace locallearn {
namespace {

bool in_range(int64_t size) { return size >= 1 && size <= std::numeric_limits<int32_t>::max(); }

class Arguments {
 public:
  Arguments(const c10::FunctionSchema& schema, const torch::jit::Stack& values) : schema_(schema), values_(values) {}

  // Null where the operator has no such argument, or was given null.
  const at::Tensor* tensor(const char* name) const {
    const auto index = schema_.argumentIndexWithName(name);
    if (!index || !values_[*index].isTensor()) return nullptr;
    return &values_[*index].toTensor();
  }

  // Of x, or of what stands in for it where it may be left out. Null where the operator has neither.
  std::optional<std::vector<int64_t>> input_shape() const {
    const at::Tensor* const x = tensor("x");
    const auto index = schema_.argumentIndexWithName("x_shape");
    if (!index) return x ? std::optional<std::vector<int64_t>>(x->sizes().vec()) : std::nullopt;
    const std::vector<int64_t> shape = values_[*index].toIntVector();
    TORCH_CHECK(!x || x->sizes() == at::IntArrayRef(shape), "argument 'x_shape' is ", shape, ", but x has shape ",
                x->sizes());
    return shape;
  }

  // What the convolution reads: x's shape, or one of the height and width that x is resized to.
  std::vector<int64_t> read_shape(at::IntArrayRef x) const {
    const auto index = schema_.argumentIndexWithName("resized");
    if (!index) return x.vec();
    const std::vector<int64_t> to = values_[*index].toIntVector();
    if (to.empty()) return x.vec();
    TORCH_CHECK(x.size() == 4 && to.size() == 2 && std::all_of(to.begin(), to.end(), in_range),
                "argument 'resized' must be empty, or the height and width that [n, h, w, c] is resized to, got ", to);
    return {x[0], to[0], to[1], x[3]};
  }

  bool has(const char* name) const { return schema_.argumentIndexWithName(name).has_value(); }

  int64_t integer(const char* name) const { return values_[schema_.argumentIndexWithName(name).value()].toInt(); }

  void check_per_channel(const char* name, int64_t channels) const {
    const auto index = schema_.argumentIndexWithName(name);
    if (index) locallearn::check_per_channel(values_[*index], name, channels, true);
  }

  // Either none or four vectors, by which x is normalised.
  void check_norm(const char* name, int64_t channels) const {
    const auto index = schema_.argumentIndexWithName(name);
    if (!index) return;
    const auto vectors = values_[*index].toTensorVector();
    TORCH_CHECK(vectors.empty() || vectors.size() == 4, "argument '", name, "' must be four tensors or none, got ",
                vectors.size());
    for (const at::Tensor& vector : vectors) locallearn::check_per_channel(vector, name, channels, true);
  }

  void check_shape(const char* name, at::IntArrayRef shape) const {
    const at::Tensor* const given = tensor(name);
    if (!given) return;
    TORCH_CHECK(given->sizes() == shape, "argument '", name, "' must have shape ", shape, ", got ", given->sizes());
  }

  // The maps of a layer, and what an optimiser keeps, which may be shorter than the float32 of parameters.
  bool may_be_short(const std::string& argument) const {
    if (schema_.argumentIndexWithName("gamma") || schema_.argumentIndexWithName("filter")) {
      return argument == "x" || argument == "dy" || argument == "c" || argument == "y" || argument == "residual";
    }
    return (schema_.name() == "locallearn::sgd_" && argument == "momenta") ||
           (schema_.name() == "locallearn::adamw_" && argument == "averages");
  }

  // One device and, for the maps and vectors of a layer, one element type.
  void check_alike() const {
    at::Tensor first;
    at::ScalarType type = at::kFloat;
    const auto type_of = [&](const at::Tensor& tensor, const std::string& name) {
      const bool is_short = tensor.scalar_type() == at::kBFloat16 && may_be_short(name);
      return is_short ? at::kFloat : tensor.scalar_type();
    };
    const auto check = [&](const at::Tensor& tensor, const std::string& name) {
      if (!first.defined()) {
        first = tensor;
        type = type_of(tensor, name);
      }
      TORCH_CHECK(tensor.device() == first.device(), "argument '", name, "' is on ", tensor.device(), ", others on ",
                  first.device());
      TORCH_CHECK(type_of(tensor, name) == type, "argument '", name, "' is of type ", tensor.scalar_type(), ", others ",
                  type);
    };
    for (size_t i = 0; i < values_.size(); ++i) {
      const std::string& name = schema_.arguments()[i].name();
      if (name == "positions" || name == "bytes") continue;  // bytes, which their ops check themselves
      if (values_[i].isTensor()) check(values_[i].toTensor(), name);
      if (!values_[i].isTensorList()) continue;
      for (const at::Tensor& tensor : values_[i].toTensorVector()) check(tensor, name);
    }
  }

 private:
  const c10::FunctionSchema& schema_;
  const torch::jit::Stack& values_;
};

int64_t outputs(int64_t size, int64_t taps, int64_t stride, int64_t padding) {
  return (size + 2 * padding - taps) / stride + 1;
}

// The shape [n, h, w, c] of the convolution's result.
std::vector<int64_t> convolved(const Arguments& arguments, at::IntArrayRef x, const at::Tensor& filter) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const int64_t stride = arguments.integer("stride"), padding = arguments.integer("padding");
  TORCH_CHECK(x.size() == 4, "argument 'x' must be [n, h, w, c] and not empty, got shape ", x);
  TORCH_CHECK(filter.dim() == 4 && filter.numel() > 0,
              "argument 'filter' must be [h, w, in, out] and not empty, got shape ", filter.sizes());
  TORCH_CHECK(stride >= 1 && stride <= most, "argument 'stride' must be positive, got ", stride);
  TORCH_CHECK(padding >= 0 && padding <= most, "argument 'padding' must not be negative, got ", padding);
  for (int axis = 0; axis < 2; ++axis) {
    TORCH_CHECK(x[axis + 1] + 2 * padding >= filter.size(axis), "argument 'filter' of shape ", filter.sizes(),
                " is larger than the padded input of shape ", x);
  }
  return {x[0], outputs(x[1], filter.size(0), stride, padding), outputs(x[2], filter.size(1), stride, padding),
          filter.size(3)};
}

}  // namespace

void check_layer(const c10::FunctionSchema& schema, const torch::jit::Stack& stack) {
  const Arguments arguments(schema, stack);
  arguments.check_alike();
  const auto x = arguments.input_shape();
  if (!x) return;  // An optimiser's step: those check their own lists.
  TORCH_CHECK((x->size() == 2 || x->size() == 4) && std::all_of(x->begin(), x->end(), in_range),
              "argument 'x' must be [n, c] or [n, h, w, c] and not empty, got shape ", *x);
  const at::Tensor* const filter = arguments.tensor("filter");
  const std::vector<int64_t> shape = filter ? convolved(arguments, arguments.read_shape(*x), *filter) : *x;
  if (!arguments.has("window")) arguments.check_shape("dy", shape);  // else of a pool's result, which checks it itself
  for (const char* name : {"c", "y", "residual"}) arguments.check_shape(name, shape);
  arguments.check_shape("bias", {shape.back()});
  for (const char* name : {"gamma", "beta", "running_mean", "running_variance", "mean", "inverse_deviation"}) {
    arguments.check_per_channel(name, shape.back());
  }
  arguments.check_norm("x_norm", x->back());
}

}  // namespace locallearn
