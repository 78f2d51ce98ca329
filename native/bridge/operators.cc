#include "operators.h"

#include "arguments.h"
#include "errors.h"
#include "trust.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/InferenceMode.h>

#include <map>
#include <memory>

namespace locallearn {
namespace {

constexpr size_t kMostArguments = 32;

struct Operator {
  std::string name;  // "aten::add.Tensor"
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
  Precondition precondition;
};

std::string parameter_names(const Operator& op) {
  std::string names;
  for (const auto& parameter : op.parameters) names += (names.empty() ? "" : ", ") + parameter.name;
  return names;
}

napi_value call(napi_env env, napi_callback_info info) {
  size_t count = kMostArguments;
  napi_value arguments[kMostArguments];
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, &data) != napi_ok) return nullptr;
  const Operator& op = *static_cast<const Operator*>(data);
  return guarded(env, op.name.c_str(), [&](const char*& argument) -> napi_value {
    const size_t parameters = op.parameters.size();
    if (count > parameters) {
      throw UsageError("takes at most " + std::to_string(parameters) + " arguments (" + parameter_names(op) +
                       "), got " + std::to_string(count));
    }
    torch::jit::Stack stack;
    stack.reserve(parameters);
    // Node-API fills what was left out with undefined.
    for (size_t i = 0; i < parameters; ++i) {
      argument = op.parameters[i].name.c_str();
      stack.push_back(to_ivalue(env, op.parameters[i], arguments[i]));
    }
    argument = nullptr;
    // TensorFlow.js differentiates, so autograd is not wanted. Inference mode rather than a guard below
    // autograd: it also leaves out version counters and the bookkeeping of views, and because every tensor is
    // made under it, in-place operators and views of views work without restriction.
    {
      const c10::InferenceMode inference;
      if (op.precondition) op.precondition(op.handle.schema(), stack);
      op.handle.callBoxed(&stack);
    }
    if (stack.empty()) return nullptr;
    if (stack.size() == 1) return to_javascript(env, std::move(stack.front()));
    napi_value results = nullptr;
    check(env, napi_create_array_with_length(env, stack.size(), &results));
    for (size_t i = 0; i < stack.size(); ++i) {
      const napi_value result = to_javascript(env, std::move(stack[i]));
      check(env, napi_set_element(env, results, static_cast<uint32_t>(i), result));
    }
    return results;
  });
}

// Each operator is resolved once in the life of the process.
const Operator& find_operator(const std::string& name, const std::string& overload) {
  static auto* const operators = new std::map<std::pair<std::string, std::string>, std::unique_ptr<Operator>>;
  auto& known = (*operators)[{name, overload}];
  if (known) return *known;
  const std::string full = overload.empty() ? name : name + "." + overload;
  const auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) throw std::runtime_error("this libtorch has no operator " + full);
  const auto& schema = handle->schema();
  if (is_unsafe(schema)) throw UsageError(full + " is not offered: wrong arguments to it could end the process");
  auto op = std::make_unique<Operator>(Operator{full, *handle, {}, precondition_of(name)});
  for (const auto& argument : schema.arguments()) {
    auto& parameter = op->parameters.emplace_back(parameter_of(argument));
    if (must_be_null(schema, argument)) parameter.kind = Kind::Unsupported;
    const bool impossible = parameter.kind == Kind::Unsupported ||
                            (parameter.kind == Kind::List && parameter.element == Kind::Unsupported);
    if (impossible && !parameter.optional && !parameter.has_default) {
      throw UsageError(full + " needs '" + parameter.name + "' of type " + parameter.type +
                       ", which JavaScript cannot pass");
    }
  }
  if (schema.is_vararg() || op->parameters.size() > kMostArguments) {
    throw UsageError(full + " takes a kind of argument list that JavaScript cannot pass");
  }
  known = std::move(op);
  return *known;
}

}  // namespace

napi_value bind_operator(napi_env env, napi_callback_info info) {
  return guarded(env, "op", [&](const char*& argument) {
    size_t count = 2;
    napi_value arguments[2];
    check(env, napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    argument = "name";
    const std::string name = to_string(env, arguments[0]);
    argument = "overload";
    napi_valuetype type = napi_undefined;
    check(env, napi_typeof(env, arguments[1], &type));
    const std::string overload = type == napi_undefined ? "" : to_string(env, arguments[1]);
    argument = nullptr;
    const Operator& op = find_operator(name, overload);
    napi_value function = nullptr;
    check(env, napi_create_function(env, op.name.data(), op.name.size(), call, const_cast<Operator*>(&op),
                                    &function));
    return function;
  });
}

}  // namespace locallearn
