// The least that the native bridge needs of a libtorch: what scripts/build-native.mjs compiles, links and loads in Node
// before it builds the bridge with it.
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#ifdef LOCALLEARN_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#endif

#ifdef LOCALLEARN_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#ifdef LOCALLEARN_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

NAPI_MODULE_INIT() {
  if (!c10::Dispatcher::singleton().findSchema({"aten::add", "Tensor"})) {
    napi_throw_error(env, nullptr, "this libtorch has no operator aten::add");
  }
#ifdef LOCALLEARN_GLOO
  // Never called: what counts is that these are there to be linked.
  if (!env) c10d::ProcessGroupGloo(c10::make_intrusive<c10d::TCPStore>("", c10d::TCPStoreOptions()), 0, 1);
#endif
#ifdef LOCALLEARN_NCCL
  if (!env) c10d::ProcessGroupNCCL(c10::make_intrusive<c10d::TCPStore>("", c10d::TCPStoreOptions()), 0, 1);
#endif
#ifdef LOCALLEARN_CUDA
  c10::cuda::CUDACachingAllocator::get();
#endif
  return exports;
}
