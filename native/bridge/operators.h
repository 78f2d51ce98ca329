// Operators of libtorch's dispatcher as JavaScript functions.
#pragma once

#include <node_api.h>

namespace locallearn {

// op(name, overload = ''): a function that calls the operator, one of those offered.
napi_value bind_operator(napi_env env, napi_callback_info info);

// Their names, such as "aten::add.Tensor". Throws where this libtorch lacks one.
napi_value offered_operators(napi_env env);

}  // namespace locallearn
