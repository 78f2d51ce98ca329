// Memory that tensors live in: counting it on every device, and the CPU's caching allocator.
#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <string>
#include <vector>

namespace locallearn {

// Bytes, in the sense of torch.cuda.memory_stats: `allocated` is what live tensors asked for (rounded up to the
// alignment), `reserved` what is held from the system for them, in use or cached.
struct MemoryStatistics {
  size_t allocated = 0;
  size_t peak_allocated = 0;
  size_t reserved = 0;
  size_t peak_reserved = 0;
  // Of the CPU only: all that was ever allocated, and a second peak, for nested measurements.
  size_t total_allocated = 0;
  size_t watermark = 0;
};

MemoryStatistics memory_statistics(c10::Device device);
void reset_peak_memory(c10::Device device);
void release_cached_memory(c10::Device device);

// Makes libtorch allocate all CPU tensors here from now on.
void install_cpu_allocator();

// Throws an out-of-memory error where the machine or its container cannot give `bytes` more.
void require_cpu_memory(size_t bytes);

MemoryStatistics cpu_memory_statistics();
void reset_cpu_peak_memory();
// Sets the watermark to what is allocated now; returns what it was.
size_t restart_cpu_watermark();
// Sets it to no less than `bytes`.
void raise_cpu_watermark(size_t bytes);
void release_cached_cpu_memory();

// Empty without a usable GPU, and in builds without CUDA.
std::vector<std::string> cuda_device_names();
MemoryStatistics cuda_memory_statistics(c10::DeviceIndex device);
void reset_cuda_peak_memory(c10::DeviceIndex device);
void release_cached_cuda_memory();

}  // namespace locallearn
