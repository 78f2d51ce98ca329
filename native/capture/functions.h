// Capturing steps, for JavaScript.
#pragma once

#include <node_api.h>

namespace locallearn {

// What `Native.capture` has; src/engine/torch/native.ts describes it.
napi_value capture_functions(napi_env env);

}  // namespace locallearn
