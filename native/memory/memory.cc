#include "memory.h"

namespace locallearn {

MemoryStatistics memory_statistics(c10::Device device) {
  return device.is_cpu() ? cpu_memory_statistics() : cuda_memory_statistics(device.index());
}

void reset_peak_memory(c10::Device device) {
  device.is_cpu() ? reset_cpu_peak_memory() : reset_cuda_peak_memory(device.index());
}

void release_cached_memory(c10::Device device) {
  device.is_cpu() ? release_cached_cpu_memory() : release_cached_cuda_memory();
}

}  // namespace locallearn
