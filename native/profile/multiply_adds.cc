#include "multiply_adds.h"

#include "../bridge/arguments.h"
#include "../bridge/errors.h"
#include "../kernels/tiles.h"

#include <ATen/Parallel.h>

#include <atomic>

namespace locallearn {

napi_value multiply_adds(napi_env env, napi_callback_info info) {
  return guarded(env, "multiplyAdds", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const int64_t times = arguments.number("times", 1, 1'000'000'000);
    arguments.done();
    std::atomic<int64_t> operations{0};
    if (tiles() != nullptr) {
      at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t thread = begin; thread < end; thread++) operations += tiles()->multiply_adds(times);
      });
    }
    napi_value result = nullptr;
    check(env, napi_create_int64(env, operations, &result));
    return result;
  });
}

}  // namespace locallearn
