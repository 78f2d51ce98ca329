// Errors on their way from C++ to JavaScript. Every function called by JavaScript runs inside `guarded`.
#pragma once

#include "../profile/profile.h"

#include <node_api.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace locallearn {

// A value that JavaScript passed and that cannot be used. `path` points inside an array argument ("[2]").
struct Mismatch {
  std::string path;
  std::string problem;  // "must be a tensor, got a string"
};

// A misuse of a function as a whole, ready to be shown. Becomes a TypeError.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A JavaScript exception is pending already (a getter threw, the environment is closing): unwind and return.
struct PendingException {};

// Throws where a Node-API call failed.
[[noreturn]] void throw_napi_failure(napi_env env);

inline void check(napi_env env, napi_status status) {
  if (status != napi_ok) throw_napi_failure(env);
}

// Turns the C++ exception being handled into a pending JavaScript one. `where` is the operator or function,
// `argument` the one that was being converted, null for none.
void throw_to_javascript(napi_env env, const char* where, const char* argument) noexcept;

// Runs `body`, which may set `argument` (a `const char*&`) to what it is converting. No C++ exception escapes.
template <typename Body>
napi_value guarded(napi_env env, const char* where, Body&& body) noexcept {
  const char* argument = nullptr;
  const Span span(where);
  try {
    return body(argument);
  } catch (...) {
    throw_to_javascript(env, where, argument);
    return nullptr;
  }
}

// "a string", "null", "an array": what a value is, for messages.
std::string describe(napi_env env, napi_value value);

}  // namespace locallearn
