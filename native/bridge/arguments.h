// Turning JavaScript values into an operator's arguments, by the types of its schema, and results back.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <node_api.h>

#include <string>
#include <vector>

namespace locallearn {

enum class Kind : uint8_t {
  Tensor,
  Int,
  Float,
  Bool,
  Scalar,
  String,
  ScalarType,
  MemoryFormat,
  Layout,
  Device,
  List,
  Unsupported,  // generators, storages, …: only null, where that is allowed
};

// One parameter of an operator, its type resolved once.
struct Parameter {
  std::string name;
  Kind kind = Kind::Unsupported;
  bool optional;
  Kind element = Kind::Unsupported;  // of a list
  size_t length;  // of a list: 0 for any
  bool divisor;   // kernels divide by it, some as a 32-bit integer
  bool has_default;
  c10::IValue default_value;
  bool default_empty;  // the default is the empty list
  std::string type;  // as the schema writes it, for messages
};

Parameter parameter_of(const c10::Argument& argument);

// Throws Mismatch.
c10::IValue to_ivalue(napi_env env, const Parameter& parameter, napi_value value);

// A tensor, or null for an undefined one.
napi_value to_javascript(napi_env env, c10::IValue&& value);

// Pieces that other functions of the addon take as arguments too. All throw Mismatch.
bool to_bool(napi_env env, napi_value value);
int64_t to_integer(napi_env env, napi_value value);
std::string to_string(napi_env env, napi_value value);
std::vector<int64_t> to_integers(napi_env env, napi_value value);

}  // namespace locallearn
