#include "operators.h"

#include "../capture/capture.h"
#include "errors.h"
#include "offered.h"

#include <c10/core/InferenceMode.h>
#include <torch/version.h>

#include <map>
#include <memory>

namespace locallearn {
namespace {

constexpr size_t kMostArguments = 32;

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
    for (Capture* capture : captures) capture->begin_arguments();
    // Node-API fills what was left out with undefined.
    for (size_t i = 0; i < parameters; ++i) {
      argument = op.parameters[i].name.c_str();
      stack.push_back(to_ivalue(env, op.parameters[i], arguments[i]));
    }
    argument = nullptr;
    for (Capture* capture : captures) capture->begin_call(op, stack);
    // TensorFlow.js differentiates, so autograd is not wanted. Inference mode rather than a guard below
    // autograd: it also leaves out version counters and the bookkeeping of views, and because every tensor is
    // made under it, in-place operators and views of views work without restriction.
    {
      const c10::InferenceMode inference;
      if (op.precondition) op.precondition(op.handle.schema(), stack);
      op.handle.callBoxed(&stack);
    }
    for (Capture* capture : captures) capture->end_call(stack);
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

Operator resolve(const std::string& full) {
  const size_t dot = full.find('.');
  const std::string name = full.substr(0, dot), overload = dot == std::string::npos ? "" : full.substr(dot + 1);
  const auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!handle) throw std::runtime_error("libtorch " TORCH_VERSION " has no operator " + full + ", which the engine needs");
  Operator op{full, *handle, {}, precondition_of(name)};
  const auto& schema = handle->schema();
  for (const auto& argument : schema.arguments()) {
    auto& parameter = op.parameters.emplace_back(parameter_of(argument));
    if (must_be_null(schema, argument)) parameter.kind = Kind::Unsupported;
  }
  if (op.parameters.size() > kMostArguments) throw std::runtime_error(full + " takes too many arguments");
  return op;
}

// Resolved once in the life of the process. Nodes of a map stay where they are: functions point to them.
const std::map<std::string, Operator>& offered() {
  static auto* const operators = [] {
    auto resolved = std::make_unique<std::map<std::string, Operator>>();
    for (const auto name : kOffered) resolved->emplace(name, resolve(std::string(name)));
    return resolved.release();
  }();
  return *operators;
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
    const std::string full = overload.empty() ? name : name + "." + overload;
    const auto found = offered().find(full);
    if (found == offered().end()) throw UsageError(full + " is not offered: only operators that the engine names are");
    const Operator& op = found->second;
    napi_value function = nullptr;
    check(env, napi_create_function(env, op.name.data(), op.name.size(), call, const_cast<Operator*>(&op),
                                    &function));
    return function;
  });
}

napi_value offered_operators(napi_env env) {
  napi_value names = nullptr;
  check(env, napi_create_array_with_length(env, offered().size(), &names));
  uint32_t i = 0;
  for (const auto& [name, op] : offered()) {
    napi_value text = nullptr;
    check(env, napi_create_string_utf8(env, name.data(), name.size(), &text));
    check(env, napi_set_element(env, names, i++, text));
  }
  return names;
}

}  // namespace locallearn
