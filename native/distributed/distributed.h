// What `Native.distributed` is.
#pragma once

#include <node_api.h>

namespace locallearn {

// An object of functions; null in a build without c10d.
napi_value distributed_functions(napi_env env);

}  // namespace locallearn
