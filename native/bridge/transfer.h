// Moving values between typed arrays and tensors.
#pragma once

#include <node_api.h>

namespace locallearn {

// fromTypedArray(values, shape, dtype, device)
napi_value from_typed_array(napi_env env, napi_callback_info info);
// read(tensor)
napi_value read_tensor(napi_env env, napi_callback_info info);

}  // namespace locallearn
