// What this processor can multiply and add at most, to measure kernels by.
#pragma once

#include <node_api.h>

namespace locallearn {

// What `Native.multiplyAdds` is.
napi_value multiply_adds(napi_env env, napi_callback_info info);

}  // namespace locallearn
