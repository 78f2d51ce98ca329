// The least that the native bridge needs of a libtorch: what scripts/build-native.mjs compiles, links and loads in Node
// before it builds the bridge with it.
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#ifdef LOCALLEARN_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#endif

NAPI_MODULE_INIT() {
  if (!c10::Dispatcher::singleton().findSchema({"aten::add", "Tensor"})) {
    napi_throw_error(env, nullptr, "this libtorch has no operator aten::add");
  }
#ifdef LOCALLEARN_CUDA
  c10::cuda::CUDACachingAllocator::get();
#endif
  return exports;
}
