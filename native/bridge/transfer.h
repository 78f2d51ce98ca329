// Moving values between typed arrays and tensors.
#pragma once

#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <vector>

namespace locallearn {

// What lies in a typed array.
struct Values {
  const void* data;
  size_t length;  // elements
};

// The values as a new tensor of that many elements.
at::Tensor upload(const Values& values, const std::vector<int64_t>& shape, c10::ScalarType dtype, c10::Device device);

// fromTypedArray(values, shape, dtype, device)
napi_value from_typed_array(napi_env env, napi_callback_info info);
// read(tensor)
napi_value read_tensor(napi_env env, napi_callback_info info);

}  // namespace locallearn
