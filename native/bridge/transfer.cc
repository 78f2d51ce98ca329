#include "transfer.h"

#include "arguments.h"
#include "../capture/capture.h"
#include "dtypes.h"
#include "errors.h"
#include "../memory/memory.h"
#include "tensor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <limits>

namespace locallearn {
namespace {

struct TypedArray {
  napi_typedarray_type type;
  Values values;
};

TypedArray to_values(napi_env env, napi_value value) {
  bool typed_array = false;
  check(env, napi_is_typedarray(env, value, &typed_array));
  if (!typed_array) {
    throw Mismatch{"", "must be a Float32Array, Int32Array or Uint8Array, got " + describe(env, value)};
  }
  TypedArray array{};
  void* data = nullptr;
  check(env, napi_get_typedarray_info(env, value, &array.type, &array.values.length, &data, nullptr, nullptr));
  array.values.data = data;
  return array;
}

size_t element_count(const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) throw Mismatch{"", "has the negative size " + std::to_string(size)};
    if (__builtin_mul_overflow(count, static_cast<size_t>(size), &count)) {
      throw Mismatch{"", "has more elements than memory has addresses"};
    }
  }
  return count;
}

// The array type that holds a dtype.
std::optional<napi_typedarray_type> array_type(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float: return napi_float32_array;
    case c10::ScalarType::Int: return napi_int32_array;
    case c10::ScalarType::Bool:
    case c10::ScalarType::Byte: return napi_uint8_array;
    default: return std::nullopt;
  }
}

void fill(at::Tensor& tensor, const Values& values) {
  if (tensor.scalar_type() == c10::ScalarType::Bool) {
    // Anything but 0 and 1 in a bool is undefined behaviour in libtorch's kernels.
    const auto* from = static_cast<const uint8_t*>(values.data);
    bool* to = tensor.data_ptr<bool>();
    for (size_t i = 0; i < values.length; ++i) to[i] = from[i] != 0;
  } else if (values.length > 0) {
    std::memcpy(tensor.data_ptr(), values.data, values.length * tensor.element_size());
  }
}

at::Scalar first_of(const Values& values, c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float: return *static_cast<const float*>(values.data);
    case c10::ScalarType::Int: return *static_cast<const int32_t*>(values.data);
    default: return *static_cast<const uint8_t*>(values.data);
  }
}

// A JavaScript ArrayBuffer. Made by its constructor, which throws where Node-API would end the process.
napi_value new_array_buffer(napi_env env, size_t bytes, void** data) {
  napi_value constructor = nullptr, length = nullptr, buffer = nullptr;
  check(env, napi_get_reference_value(env, environment_of(env).array_buffer_class, &constructor));
  check(env, napi_create_double(env, static_cast<double>(bytes), &length));
  check(env, napi_new_instance(env, constructor, 1, &length, &buffer));
  check(env, napi_get_arraybuffer_info(env, buffer, data, nullptr));
  return buffer;
}

}  // namespace

at::Tensor upload(const Values& values, const std::vector<int64_t>& shape, c10::ScalarType dtype, c10::Device device) {
  const c10::InferenceMode inference;
  const auto options = at::TensorOptions().dtype(dtype);
  if (device.is_cpu()) {
    at::Tensor tensor = at::empty(shape, options);
    fill(tensor, values);
    return tensor;
  }
  // To a GPU without waiting for what it still computes: one number with the call, more from pinned memory, which
  // libtorch keeps until it has been read.
  if (values.length == 1) return at::full(shape, first_of(values, dtype), options.device(device));
  at::Tensor host = at::empty(shape, options.pinned_memory(true));
  fill(host, values);
  return host.to(device, /*non_blocking=*/true);
}

napi_value from_typed_array(napi_env env, napi_callback_info info) {
  return guarded(env, "fromTypedArray", [&](const char*& argument) {
    size_t count = 4;
    napi_value arguments[4];
    check(env, napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    argument = "shape";
    const auto shape = to_integers(env, arguments[1]);
    const size_t elements = element_count(shape);
    argument = "dtype";
    const std::string dtype_text = to_string(env, arguments[2]);
    const auto dtype = dtype_named(dtype_text);
    const auto wanted = dtype ? array_type(*dtype) : std::nullopt;
    if (!wanted) {
      throw Mismatch{"", "must be 'float32', 'int32', 'bool' or 'uint8', got '" + dtype_text + "'"};
    }
    argument = "device";
    const c10::Device device = device_named(to_string(env, arguments[3]));
    // Last: reading the others may run JavaScript (a getter in the shape), which could detach the buffer.
    argument = "values";
    const auto [type, values] = to_values(env, arguments[0]);
    if (type != *wanted) {
      const char* name = *wanted == napi_float32_array ? "a Float32Array"
                         : *wanted == napi_int32_array ? "an Int32Array"
                                                       : "a Uint8Array";
      throw Mismatch{"", std::string("must be ") + name + " for dtype " + dtype_text};
    }
    if (values.length != elements) {
      throw Mismatch{"", "has " + std::to_string(values.length) + " elements, the shape needs " +
                             std::to_string(elements)};
    }
    argument = nullptr;
    for (Capture* capture : captures) capture->upload(values, shape, *dtype, device);
    return wrap_tensor(env, upload(values, shape, *dtype, device));
  });
}

napi_value read_tensor(napi_env env, napi_callback_info info) {
  return guarded(env, "read", [&](const char*& argument) {
    size_t count = 1;
    napi_value arguments[1];
    check(env, napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    argument = "tensor";
    const at::Tensor* const handle = &unwrap_tensor(env, arguments[0]);
    const at::Tensor tensor = *handle;
    const auto type = array_type(tensor.scalar_type());
    if (!type) {
      throw Mismatch{"", "has dtype " + dtype_name(tensor.scalar_type()) +
                             "; cast it to float32, int32, bool or uint8 first"};
    }
    const auto elements = static_cast<size_t>(tensor.numel());
    if (elements > std::numeric_limits<uint32_t>::max()) {
      throw Mismatch{"", "has " + std::to_string(elements) + " elements, more than a typed array can hold"};
    }
    argument = nullptr;
    for (Capture* capture : captures) capture->read_back(handle);
    const size_t bytes = elements * tensor.element_size();
    require_cpu_memory(bytes);
    void* data = nullptr;
    const napi_value buffer = new_array_buffer(env, bytes, &data);
    if (elements > 0) {
      const c10::InferenceMode inference;
      at::from_blob(data, tensor.sizes(), at::TensorOptions().dtype(tensor.scalar_type())).copy_(tensor);
    }
    napi_value array = nullptr;
    check(env, napi_create_typedarray(env, *type, elements, buffer, 0, &array));
    return array;
  });
}

}  // namespace locallearn
