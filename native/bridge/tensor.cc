#include "tensor.h"

#include "../capture/capture.h"
#include "dtypes.h"
#include "errors.h"

namespace locallearn {
namespace {

constexpr napi_type_tag kTensorTag = {0x5b1e4c0a8f2d4e17ULL, 0x9c3f7a61d20b85e4ULL};

// The tensor that the constructor is to take: null when JavaScript calls it.
thread_local at::Tensor* incoming = nullptr;

struct Unwrapped {
  at::Tensor* tensor;  // null: not ours, or disposed
  bool ours;
};

// The tag comes first: another addon's object may be wrapped too, around anything. A disposed tensor keeps its
// tag and loses its wrapping.
Unwrapped look_inside(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return {nullptr, false};
  bool tagged = false;
  if (napi_check_object_type_tag(env, value, &kTensorTag, &tagged) != napi_ok || !tagged) {
    return {nullptr, false};
  }
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok) return {nullptr, true};
  return {static_cast<at::Tensor*>(data), true};
}

void finalize(napi_env, void* data, void*) {
  auto* const tensor = static_cast<at::Tensor*>(data);
  for (Capture* capture : captures) capture->forgotten(tensor);
  delete tensor;
}

napi_value construct(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor", [&](const char*&) {
    napi_value self = nullptr;
    check(env, napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr));
    if (!incoming) throw UsageError("tensors are made by operators and fromTypedArray, not with new");
    auto owned = std::make_unique<at::Tensor>(std::move(*incoming));
    incoming = nullptr;
    check(env, napi_wrap(env, self, owned.get(), finalize, nullptr, nullptr));
    for (Capture* capture : captures) capture->made(owned.get());
    owned.release();
    check(env, napi_type_tag_object(env, self, &kTensorTag));
    return self;
  });
}

napi_value this_of(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  size_t count = 0;
  check(env, napi_get_cb_info(env, info, &count, nullptr, &self, nullptr));
  return self;
}

const at::Tensor& this_tensor(napi_env env, napi_callback_info info) {
  return unwrap_tensor(env, this_of(env, info));
}

napi_value string_value(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  check(env, napi_create_string_utf8(env, text.data(), text.size(), &value));
  return value;
}

napi_value get_shape(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.shape", [&](const char*& argument) {
    argument = "this";
    const auto sizes = this_tensor(env, info).sizes();
    napi_value shape = nullptr;
    check(env, napi_create_array_with_length(env, sizes.size(), &shape));
    for (size_t i = 0; i < sizes.size(); ++i) {
      napi_value size = nullptr;
      check(env, napi_create_int64(env, sizes[i], &size));
      check(env, napi_set_element(env, shape, static_cast<uint32_t>(i), size));
    }
    return shape;
  });
}

napi_value get_dtype(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.dtype", [&](const char*& argument) {
    argument = "this";
    return string_value(env, dtype_name(this_tensor(env, info).scalar_type()));
  });
}

napi_value get_device(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.device", [&](const char*& argument) {
    argument = "this";
    return string_value(env, this_tensor(env, info).device().str());
  });
}

// Tensors that share memory have the same address.
napi_value get_storage(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.storage", [&](const char*& argument) {
    argument = "this";
    const auto& storage = this_tensor(env, info).storage();
    napi_value result = nullptr, address = nullptr, bytes = nullptr;
    check(env, napi_create_object(env, &result));
    check(env, napi_create_double(env, static_cast<double>(reinterpret_cast<uintptr_t>(storage.data())), &address));
    check(env, napi_create_double(env, static_cast<double>(storage.nbytes()), &bytes));
    check(env, napi_set_named_property(env, result, "address", address));
    check(env, napi_set_named_property(env, result, "bytes", bytes));
    return result;
  });
}

napi_value get_disposed(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.disposed", [&](const char*& argument) {
    argument = "this";
    const auto inside = look_inside(env, this_of(env, info));
    if (!inside.ours) throw Mismatch{"", "must be a tensor"};
    napi_value disposed = nullptr;
    check(env, napi_get_boolean(env, inside.tensor == nullptr, &disposed));
    return disposed;
  });
}

// Tensors that have this one's memory, itself among them: other handles on it, and views.
napi_value get_users(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.users", [&](const char*& argument) {
    argument = "this";
    const at::Tensor& tensor = this_tensor(env, info);
    napi_value users = nullptr;
    check(env, napi_create_double(env, tensor.use_count() + tensor.storage().use_count() - 1, &users));
    return users;
  });
}

napi_value dispose(napi_env env, napi_callback_info info) {
  return guarded(env, "NativeTensor.dispose", [&](const char*& argument) -> napi_value {
    argument = "this";
    dispose_tensor(env, this_of(env, info));
    return nullptr;
  });
}

}  // namespace

Environment& environment_of(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  return *static_cast<Environment*>(data);
}

void define_tensor_class(napi_env env, Environment& environment) {
  const auto attributes = napi_enumerable;
  const napi_property_descriptor properties[] = {
      {"shape", nullptr, nullptr, get_shape, nullptr, nullptr, attributes, nullptr},
      {"dtype", nullptr, nullptr, get_dtype, nullptr, nullptr, attributes, nullptr},
      {"device", nullptr, nullptr, get_device, nullptr, nullptr, attributes, nullptr},
      {"storage", nullptr, nullptr, get_storage, nullptr, nullptr, attributes, nullptr},
      {"users", nullptr, nullptr, get_users, nullptr, nullptr, attributes, nullptr},
      {"disposed", nullptr, nullptr, get_disposed, nullptr, nullptr, attributes, nullptr},
      {"dispose", nullptr, dispose, nullptr, nullptr, nullptr, attributes, nullptr},
  };
  napi_value tensor_class = nullptr;
  check(env, napi_define_class(env, "NativeTensor", NAPI_AUTO_LENGTH, construct, nullptr,
                               sizeof properties / sizeof *properties, properties, &tensor_class));
  check(env, napi_create_reference(env, tensor_class, 1, &environment.tensor_class));
}

napi_value wrap_tensor(napi_env env, at::Tensor tensor) {
  napi_value tensor_class = nullptr;
  check(env, napi_get_reference_value(env, environment_of(env).tensor_class, &tensor_class));
  napi_value object = nullptr;
  incoming = &tensor;
  const auto status = napi_new_instance(env, tensor_class, 0, nullptr, &object);
  incoming = nullptr;
  check(env, status);
  return object;
}

const at::Tensor& unwrap_tensor(napi_env env, napi_value value) {
  const auto inside = look_inside(env, value);
  if (inside.tensor) return *inside.tensor;
  if (inside.ours) throw Mismatch{"", "is a disposed tensor"};
  throw Mismatch{"", "must be a tensor, got " + describe(env, value)};
}

void dispose_tensor(napi_env env, napi_value value) {
  const auto inside = look_inside(env, value);
  if (!inside.ours) throw Mismatch{"", "must be a tensor"};
  if (!inside.tensor) return;
  for (Capture* capture : captures) capture->disposed(inside.tensor);
  // Unwrapping now, rather than emptying the tensor and leaving the rest to the garbage collector, spares it a weak
  // reference and a finaliser for each of many short-lived objects.
  void* data = nullptr;
  check(env, napi_remove_wrap(env, value, &data));
  delete static_cast<at::Tensor*>(data);
}

}  // namespace locallearn
