#include "waiting.h"

#include "../bridge/errors.h"
#include "../bridge/tensor.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace locallearn {
namespace {

// Threads that wait: as many as there are waits at once, kept for the next ones.
class Waiters {
 public:
  void run(std::function<void()> task) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
    if (idle_ >= tasks_.size()) {
      wake_.notify_one();
    } else {
      std::thread([this] { serve(); }).detach();
    }
  }

 private:
  [[noreturn]] void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      while (tasks_.empty()) {
        ++idle_;
        wake_.wait(lock);
        --idle_;
      }
      {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;
};

// Never destroyed: its threads end with the process.
Waiters& waiters() {
  static auto* const instance = new Waiters;
  return *instance;
}

}  // namespace

// One JavaScript environment's way from other threads to its own. Outlives it in those that still wait.
struct Settling {
  std::mutex mutex;
  napi_threadsafe_function function = nullptr;  // null once the environment is gone
  size_t keeping = 0;                           // waits that the process stays for; the JavaScript thread's
};

namespace {

struct Pending {
  std::string where;
  Waiting waiting;
  napi_deferred deferred = nullptr;
  std::exception_ptr failure{};
  std::shared_ptr<Settling> settling;
};

void settle(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  if (!env) return;  // The environment is closing.
  auto& settling = *pending->settling;
  if (pending->waiting.keeps_process && --settling.keeping == 0) {
    napi_unref_threadsafe_function(env, settling.function);
  }
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  const napi_value value = guarded(env, pending->where.c_str(), [&](const char*&) {
    if (pending->failure) std::rethrow_exception(pending->failure);
    napi_value nothing = nullptr;
    check(env, napi_get_undefined(env, &nothing));
    return pending->waiting.result ? pending->waiting.result(env) : nothing;
  });
  bool failed = false;
  napi_is_exception_pending(env, &failed);
  if (failed) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env, &error);
    napi_reject_deferred(env, pending->deferred, error);
  } else {
    napi_resolve_deferred(env, pending->deferred, value);
  }
  napi_close_handle_scope(env, scope);
}

const std::shared_ptr<Settling>& settling_of(napi_env env) {
  auto& settling = environment_of(env).settling;
  if (settling) return settling;
  auto made = std::make_shared<Settling>();
  napi_value name = nullptr;
  check(env, napi_create_string_utf8(env, "locallearn waits", NAPI_AUTO_LENGTH, &name));
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settle,
                                             &made->function));
  check(env, napi_unref_threadsafe_function(env, made->function));
  const auto close = [](void* data) {
    const std::unique_ptr<std::shared_ptr<Settling>> closing(static_cast<std::shared_ptr<Settling>*>(data));
    const std::lock_guard<std::mutex> lock((*closing)->mutex);
    napi_release_threadsafe_function((*closing)->function, napi_tsfn_abort);
    (*closing)->function = nullptr;
  };
  check(env, napi_add_env_cleanup_hook(env, close, new std::shared_ptr<Settling>(made)));
  return settling = made;
}

}  // namespace

napi_value promise_of(napi_env env, const char* where, Waiting waiting) {
  const auto& settling = settling_of(env);
  napi_value promise = nullptr;
  auto pending = std::make_unique<Pending>(Pending{where, std::move(waiting), nullptr, nullptr, settling});
  check(env, napi_create_promise(env, &pending->deferred, &promise));
  if (pending->waiting.keeps_process && settling->keeping++ == 0) {
    check(env, napi_ref_threadsafe_function(env, settling->function));
  }
  waiters().run([pending = pending.release()] {
    try {
      pending->waiting.wait();
    } catch (...) {
      pending->failure = std::current_exception();
    }
    const auto settling = pending->settling;
    const std::lock_guard<std::mutex> lock(settling->mutex);
    // Without its environment it can be neither settled nor freed.
    if (settling->function) napi_call_threadsafe_function(settling->function, pending, napi_tsfn_nonblocking);
  });
  return promise;
}

}  // namespace locallearn
