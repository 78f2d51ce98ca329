// The addon's entry: what src/engine/torch/native.ts describes as `Native`.
#include "arguments.h"
#include "../capture/functions.h"
#include "../distributed/distributed.h"
#include "dtypes.h"
#include "errors.h"
#include "../memory/memory.h"
#include "operators.h"
#include "../profile/multiply_adds.h"
#include "../profile/profile.h"
#include "tensor.h"
#include "transfer.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Logging.h>
#include <torch/version.h>

#include <atomic>
#include <memory>
#include <thread>

namespace locallearn {
namespace {

constexpr int64_t kMostThreads = 1024;

napi_value only_argument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value = nullptr;
  check(env, napi_get_cb_info(env, info, &count, &value, nullptr, nullptr));
  return value;
}

c10::Device device_argument(napi_env env, napi_callback_info info, const char*& argument) {
  const napi_value value = only_argument(env, info);
  argument = "device";
  const c10::Device device = device_named(to_string(env, value));
  argument = nullptr;
  return device;
}

void set_number(napi_env env, napi_value object, const char* name, size_t number) {
  napi_value value = nullptr;
  check(env, napi_create_double(env, static_cast<double>(number), &value));
  check(env, napi_set_named_property(env, object, name, value));
}

void set_string(napi_env env, napi_value object, const char* name, const std::string& text) {
  napi_value value = nullptr;
  check(env, napi_create_string_utf8(env, text.data(), text.size(), &value));
  check(env, napi_set_named_property(env, object, name, value));
}

napi_value get_memory(napi_env env, napi_callback_info info) {
  return guarded(env, "memory", [&](const char*& argument) {
    const auto statistics = memory_statistics(device_argument(env, info, argument));
    napi_value result = nullptr;
    check(env, napi_create_object(env, &result));
    set_number(env, result, "allocatedBytes", statistics.allocated);
    set_number(env, result, "peakAllocatedBytes", statistics.peak_allocated);
    set_number(env, result, "reservedBytes", statistics.reserved);
    set_number(env, result, "peakReservedBytes", statistics.peak_reserved);
    return result;
  });
}

napi_value reset_peaks(napi_env env, napi_callback_info info) {
  return guarded(env, "resetPeakMemory", [&](const char*& argument) -> napi_value {
    reset_peak_memory(device_argument(env, info, argument));
    return nullptr;
  });
}

napi_value release_cache(napi_env env, napi_callback_info info) {
  return guarded(env, "releaseCachedMemory", [&](const char*& argument) -> napi_value {
    release_cached_memory(device_argument(env, info, argument));
    return nullptr;
  });
}

napi_value get_threads(napi_env env, napi_callback_info) {
  return guarded(env, "threads", [&](const char*&) {
    napi_value threads = nullptr;
    check(env, napi_create_int32(env, at::get_num_threads(), &threads));
    return threads;
  });
}

napi_value set_threads(napi_env env, napi_callback_info info) {
  return guarded(env, "setThreads", [&](const char*& argument) -> napi_value {
    const napi_value value = only_argument(env, info);
    argument = "count";
    const int64_t threads = to_integer(env, value);
    if (threads < 1 || threads > kMostThreads) {
      throw Mismatch{"", "must be from 1 to " + std::to_string(kMostThreads) + ", got " +
                             std::to_string(threads)};
    }
    at::set_num_threads(static_cast<int>(threads));
    return nullptr;
  });
}

napi_value allow_tf32(napi_env env, napi_callback_info info) {
  return guarded(env, "allowTf32", [&](const char*& argument) -> napi_value {
    const napi_value value = only_argument(env, info);
    argument = "allowed";
    at::globalContext().setAllowTF32CuDNN(to_bool(env, value));
    return nullptr;
  });
}

napi_value set_deterministic(napi_env env, napi_callback_info info) {
  return guarded(env, "setDeterministic", [&](const char*& argument) -> napi_value {
    const napi_value value = only_argument(env, info);
    argument = "deterministic";
    at::globalContext().setDeterministicCuDNN(to_bool(env, value));
    return nullptr;
  });
}

napi_value device_list(napi_env env) {
  const auto& found = devices();
  napi_value list = nullptr;
  check(env, napi_create_array_with_length(env, found.size(), &list));
  for (size_t i = 0; i < found.size(); ++i) {
    napi_value entry = nullptr;
    check(env, napi_create_object(env, &entry));
    set_string(env, entry, "id", found[i].id);
    set_string(env, entry, "name", found[i].name);
    check(env, napi_set_element(env, list, static_cast<uint32_t>(i), entry));
  }
  return list;
}

// libtorch's OpenMP pool, its operators' in-place semantics and this addon's counters serve one thread.
std::atomic<std::thread::id> owner{};
std::atomic<int> environments{0};

void enter_thread(napi_env env) {
  std::thread::id nobody{};
  const auto self = std::this_thread::get_id();
  if (!owner.compare_exchange_strong(nobody, self) && owner.load() != self) {
    throw std::runtime_error("libtorch is in use by another thread of this process");
  }
  ++environments;
  const auto leave = [](void*) {
    if (--environments == 0) owner.store(std::thread::id{});
  };
  check(env, napi_add_env_cleanup_hook(env, leave, nullptr));
}

napi_value initialize(napi_env env, napi_value exports) {
  return guarded(env, "locallearn", [&](const char*&) {
    enter_thread(env);
    install_cpu_allocator();
    // Errors are part of normal use (a wrong shape): without this each would walk and symbolise the stack.
    c10::SetStackTraceFetcher([] { return std::string(); });

    auto environment = std::make_unique<Environment>();
    define_tensor_class(env, *environment);
    napi_value global = nullptr, array_buffer = nullptr;
    check(env, napi_get_global(env, &global));
    check(env, napi_get_named_property(env, global, "ArrayBuffer", &array_buffer));
    check(env, napi_create_reference(env, array_buffer, 1, &environment->array_buffer_class));
    const auto free_environment = [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); };
    check(env, napi_set_instance_data(env, environment.get(), free_environment, nullptr));
    environment.release();

    const auto attributes = napi_enumerable;
    const napi_property_descriptor properties[] = {
        {"op", nullptr, bind_operator, nullptr, nullptr, nullptr, attributes, nullptr},
        {"fromTypedArray", nullptr, from_typed_array, nullptr, nullptr, nullptr, attributes, nullptr},
        {"read", nullptr, read_tensor, nullptr, nullptr, nullptr, attributes, nullptr},
        {"memory", nullptr, get_memory, nullptr, nullptr, nullptr, attributes, nullptr},
        {"resetPeakMemory", nullptr, reset_peaks, nullptr, nullptr, nullptr, attributes, nullptr},
        {"releaseCachedMemory", nullptr, release_cache, nullptr, nullptr, nullptr, attributes, nullptr},
        {"startProfile", nullptr, start_profile, nullptr, nullptr, nullptr, attributes, nullptr},
        {"stopProfile", nullptr, stop_profile, nullptr, nullptr, nullptr, attributes, nullptr},
        {"multiplyAdds", nullptr, multiply_adds, nullptr, nullptr, nullptr, attributes, nullptr},
        {"threads", nullptr, nullptr, get_threads, nullptr, nullptr, attributes, nullptr},
        {"setThreads", nullptr, set_threads, nullptr, nullptr, nullptr, attributes, nullptr},
        {"allowTf32", nullptr, allow_tf32, nullptr, nullptr, nullptr, attributes, nullptr},
        {"setDeterministic", nullptr, set_deterministic, nullptr, nullptr, nullptr, attributes, nullptr},
        {"distributed", nullptr, nullptr, nullptr, nullptr, distributed_functions(env), attributes, nullptr},
        {"capture", nullptr, nullptr, nullptr, nullptr, capture_functions(env), attributes, nullptr},
        {"operators", nullptr, nullptr, nullptr, nullptr, offered_operators(env), attributes, nullptr},
        {"devices", nullptr, nullptr, nullptr, nullptr, device_list(env), attributes, nullptr},
    };
    check(env, napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties));
    set_string(env, exports, "version", TORCH_VERSION);
    return exports;
  });
}

}  // namespace
}  // namespace locallearn

NAPI_MODULE_INIT() { return locallearn::initialize(env, exports); }
