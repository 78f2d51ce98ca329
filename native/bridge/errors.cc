#include "errors.h"

#include <c10/util/Exception.h>

#include <new>

namespace locallearn {
namespace {

std::string first_line(const std::string& text) {
  const auto end = text.find('\n');
  return end == std::string::npos ? text : text.substr(0, end);
}

// What `isOutOfMemory` in src/engine/out-of-memory.ts looks for.
constexpr const char* kOutOfMemory = "OUT_OF_MEMORY";

void throw_error(napi_env env, const char* where, const std::string& message, bool type_error,
                 const char* code = nullptr) {
  const std::string full = std::string(where) + ": " + message;
  if (type_error) {
    napi_throw_type_error(env, nullptr, full.c_str());
  } else {
    napi_throw_error(env, code, full.c_str());
  }
}

}  // namespace

void throw_napi_failure(napi_env env) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) throw PendingException{};
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "a Node-API call failed");
}

void throw_to_javascript(napi_env env, const char* where, const char* argument) noexcept {
  try {
    try {
      throw;
    } catch (const PendingException&) {
      // Node carries it on.
    } catch (const Mismatch& mismatch) {
      const std::string name = argument ? std::string("argument '") + argument + mismatch.path + "' " : "";
      throw_error(env, where, name + mismatch.problem, true);
    } catch (const UsageError& error) {
      throw_error(env, where, error.what(), true);
    } catch (const c10::OutOfMemoryError& error) {
      throw_error(env, where, first_line(error.what_without_backtrace()), false, kOutOfMemory);
    } catch (const c10::Error& error) {
      throw_error(env, where, first_line(error.what_without_backtrace()), false);
    } catch (const std::bad_alloc&) {
      throw_error(env, where, "out of memory", false, kOutOfMemory);
    } catch (const std::exception& error) {
      throw_error(env, where, first_line(error.what()), false);
    } catch (...) {
      throw_error(env, where, "an unknown C++ exception", false);
    }
  } catch (...) {
    // Composing the message failed, so memory is gone: say so without needing any.
    napi_throw_error(env, kOutOfMemory, "out of memory");
  }
}

std::string describe(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_external: return "an external value";
    case napi_object: break;
  }
  bool array = false;
  check(env, napi_is_array(env, value, &array));
  if (array) return "an array";
  bool typed_array = false;
  check(env, napi_is_typedarray(env, value, &typed_array));
  return typed_array ? "a typed array" : "an object";
}

}  // namespace locallearn
