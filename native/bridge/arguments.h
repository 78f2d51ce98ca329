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
int64_t to_integer_in(napi_env env, napi_value value, int64_t least, int64_t most);
// What an array has; JavaScript may run, of a getter.
std::vector<napi_value> to_elements(napi_env env, napi_value array);

// The arguments of a call of our own, in their order. `argument` is what is being converted, for messages.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info, const char*& argument);
  napi_value next(const char* name) {
    argument_ = name;
    return values_[at_++];
  }
  std::string text(const char* name) { return to_string(env_, next(name)); }
  int64_t number(const char* name, int64_t least, int64_t most) {
    return to_integer_in(env_, next(name), least, most);
  }
  std::vector<napi_value> list(const char* name) { return to_elements(env_, next(name)); }
  std::vector<at::Tensor> tensors(const char* name);
  // All are converted.
  void done() { argument_ = nullptr; }

 private:
  napi_env env_;
  const char*& argument_;
  napi_value values_[12] = {};
  size_t at_ = 0;
};

}  // namespace locallearn
