// Work that blocks, off the JavaScript thread, and the promise that it settles.
#pragma once

#include <node_api.h>

#include <functional>

namespace locallearn {

struct Waiting {
  // Runs on a thread of its own, so that any number of waits can be under way and none holds up another; must not touch
  // JavaScript. What it throws is what the promise is rejected with.
  std::function<void()> wait;
  // Then, on the JavaScript thread: what the promise resolves to. Both functions, and so the tensors that they hold,
  // are freed there.
  std::function<napi_value(napi_env)> result;
  // Whether the process stays for it.
  bool keeps_process = true;
};

// `where` begins the messages of errors.
napi_value promise_of(napi_env env, const char* where, Waiting waiting);

}  // namespace locallearn
