// Operators of libtorch's dispatcher as JavaScript functions.
#pragma once

#include "arguments.h"
#include "trust.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#include <string>
#include <vector>

namespace locallearn {

// One that is offered, looked up. It stays where it is for the life of the process.
struct Operator {
  std::string name;  // "aten::add.Tensor"
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
  Precondition precondition;
};

// op(name, overload = ''): a function that calls the operator, one of those offered.
napi_value bind_operator(napi_env env, napi_callback_info info);

// Their names, such as "aten::add.Tensor". Throws where this libtorch lacks one.
napi_value offered_operators(napi_env env);

}  // namespace locallearn
