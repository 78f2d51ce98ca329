// Operators of libtorch's dispatcher as JavaScript functions.
#pragma once

#include <node_api.h>

namespace locallearn {

// op(name, overload = ''): a function that calls the operator.
napi_value bind_operator(napi_env env, napi_callback_info info);

}  // namespace locallearn
