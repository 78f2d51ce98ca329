// JavaScript objects that own one of ours, each kind known by its tag.
#pragma once

#include "errors.h"

#include <node_api.h>

#include <memory>

namespace locallearn {

template <typename Owned>
napi_value wrap_owned(napi_env env, std::unique_ptr<Owned> owned, const napi_type_tag& tag) {
  napi_value object = nullptr;
  check(env, napi_create_object(env, &object));
  const auto free = [](napi_env, void* data, void*) { delete static_cast<Owned*>(data); };
  check(env, napi_wrap(env, object, owned.get(), free, nullptr, nullptr));
  owned.release();
  check(env, napi_type_tag_object(env, object, &tag));
  return object;
}

// Null for one that was taken. Throws Mismatch for any other value; `wanted` says in words what it should be.
template <typename Owned>
Owned* unwrap_owned(napi_env env, napi_value value, const napi_type_tag& tag, const char* wanted) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  bool tagged = false;
  if (type == napi_object) check(env, napi_check_object_type_tag(env, value, &tag, &tagged));
  if (!tagged) throw Mismatch{"", std::string("must be ") + wanted + ", got " + describe(env, value)};
  void* data = nullptr;
  return napi_unwrap(env, value, &data) == napi_ok ? static_cast<Owned*>(data) : nullptr;
}

// Takes it from the object, whose tag it keeps.
template <typename Owned>
std::unique_ptr<Owned> take_owned(napi_env env, napi_value value) {
  void* data = nullptr;
  check(env, napi_remove_wrap(env, value, &data));
  return std::unique_ptr<Owned>(static_cast<Owned*>(data));
}

}  // namespace locallearn
