// CUDA through libtorch's own caching allocator. Without LOCALLEARN_CUDA there is no such device, so that only
// `cuda_device_names` is ever called.
#include "memory.h"

#ifdef LOCALLEARN_CUDA

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <dlfcn.h>

namespace locallearn {
namespace {

// From the driver: libtorch's own way to the name needs the headers of half of CUDA.
std::string device_name(int device) {
  char name[256] = "";
  if (void* driver = dlopen("libcuda.so.1", RTLD_LAZY)) {
    const auto get_name = reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver, "cuDeviceGetName"));
    if (!get_name || get_name(name, sizeof name, device) != 0) name[0] = '\0';
    dlclose(driver);
  }
  return *name ? name : "CUDA device " + std::to_string(device);
}

// The allocator knows a device only once CUDA is initialised; any tensor does that.
void initialize(c10::DeviceIndex device) {
  at::empty({0}, at::TensorOptions().device(c10::Device(c10::kCUDA, device)));
}

}  // namespace

std::vector<std::string> cuda_device_names() {
  std::vector<std::string> names;
  const int count = c10::cuda::device_count();
  for (int i = 0; i < count; ++i) names.push_back(device_name(i));
  return names;
}

MemoryStatistics cuda_memory_statistics(c10::DeviceIndex device) {
  initialize(device);
  const auto statistics = c10::cuda::CUDACachingAllocator::getDeviceStats(device);
  // Entry 0 is the aggregate of the small and the large pool in every version.
  const auto& allocated = statistics.allocated_bytes[0];
  const auto& reserved = statistics.reserved_bytes[0];
  return {static_cast<size_t>(allocated.current), static_cast<size_t>(allocated.peak),
          static_cast<size_t>(reserved.current), static_cast<size_t>(reserved.peak), 0, 0};
}

void reset_cuda_peak_memory(c10::DeviceIndex device) {
  initialize(device);
  c10::cuda::CUDACachingAllocator::resetPeakStats(device);
}

void release_cached_cuda_memory() { c10::cuda::CUDACachingAllocator::emptyCache(); }

}  // namespace locallearn

#else

namespace locallearn {

std::vector<std::string> cuda_device_names() { return {}; }
MemoryStatistics cuda_memory_statistics(c10::DeviceIndex) { return {}; }
void reset_cuda_peak_memory(c10::DeviceIndex) {}
void release_cached_cuda_memory() {}

}  // namespace locallearn

#endif
