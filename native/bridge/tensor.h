// The JavaScript object that holds an at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <memory>

namespace locallearn {

struct Settling;

// What this addon keeps for each JavaScript environment.
struct Environment {
  napi_ref tensor_class = nullptr;
  napi_ref array_buffer_class = nullptr;
  std::shared_ptr<Settling> settling{};  // of promises, once there was one
};

Environment& environment_of(napi_env env);

// Defines the class in `environment`; JavaScript meets it only as the type of results.
void define_tensor_class(napi_env env, Environment& environment);

// A new object that holds its own reference to the tensor.
napi_value wrap_tensor(napi_env env, at::Tensor tensor);

// The tensor of such an object. Throws Mismatch for any other value and for a disposed tensor.
const at::Tensor& unwrap_tensor(napi_env env, napi_value value);

// What such an object's `dispose` does; nothing for a disposed one.
void dispose_tensor(napi_env env, napi_value value);

}  // namespace locallearn
