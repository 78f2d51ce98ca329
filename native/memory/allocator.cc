// The CPU's caching allocator. libtorch's own is plain malloc: large blocks then go back to the system and come
// again as fresh pages, and half of a training step's time can go into page faults.
#include "memory.h"
#include "pools.h"
#include "system_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace locallearn {
namespace {

// How much may be taken before asking again what is left: asking takes as long as touching a few pages.
constexpr size_t kAskEvery = size_t{64} << 20;
constexpr size_t kLargest = size_t{1} << 47;

#ifdef LOCALLEARN_GUARD_PAGES
// To the byte: a tensor ends where the guarded page begins. Elements still are aligned to their own size.
constexpr size_t kRounding = 1;
#else
constexpr size_t kRounding = kAlignment;
#endif

class CachingAllocator {
 public:
  void* take(size_t requested) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (requested > kLargest) fail(requested);
    const size_t rounded = (requested + kRounding - 1) / kRounding * kRounding;
    const bool small = rounded < ClassPool::kLimit;
    Block* block = find(rounded, small);
    if (!block) {
      release();
      block = find(rounded, small);
      if (!block) fail(requested);
    }
    used_.emplace(block->data, block);
    block->requested = rounded;
    statistics_.allocated += rounded;
    statistics_.total_allocated += rounded;
    statistics_.peak_allocated = std::max(statistics_.peak_allocated, statistics_.allocated);
    statistics_.watermark = std::max(statistics_.watermark, statistics_.allocated);
    return block->data;
  }

  void give(void* data) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = used_.find(data);
    Block* const block = found->second;
    used_.erase(found);
    statistics_.allocated -= block->requested;
#ifdef LOCALLEARN_GUARD_PAGES
    statistics_.reserved -= block->requested;
    free_guarded(std::unique_ptr<Block>(block));
#else
    block->requested < ClassPool::kLimit ? classes_.keep(block) : segments_.keep(block);
#endif
  }

  void require(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (fits(bytes)) return;
    release();
    if (!fits(bytes)) fail(bytes);
  }

  MemoryStatistics statistics() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return statistics_;
  }

  void reset_peaks() {
    const std::lock_guard<std::mutex> lock(mutex_);
    statistics_.peak_allocated = statistics_.allocated;
    statistics_.peak_reserved = statistics_.reserved;
  }

  size_t restart_watermark() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(statistics_.watermark, statistics_.allocated);
  }

  void raise_watermark(size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    statistics_.watermark = std::max(statistics_.watermark, bytes);
  }

  void release_kept() {
    const std::lock_guard<std::mutex> lock(mutex_);
    release();
  }

 private:
#ifdef LOCALLEARN_GUARD_PAGES
  Block* find(size_t bytes, bool) {
    auto block = fits(bytes) ? guarded_block(bytes) : nullptr;
    if (!block) return nullptr;
    statistics_.reserved += bytes;
    statistics_.peak_reserved = std::max(statistics_.peak_reserved, statistics_.reserved);
    return block.release();
  }
#else
  Block* find(size_t bytes, bool small) {
    Block* const kept = small ? classes_.find(bytes) : segments_.find(bytes);
    if (kept || !fits(bytes)) return kept;
    size_t added = 0;
    Block* block = nullptr;
    if (small) {
      block = classes_.add(bytes);
      if (block) added = block->bytes;
    } else {
      added = segments_.grow(bytes);
      if (added) block = segments_.find(bytes);
    }
    statistics_.reserved += added;
    statistics_.peak_reserved = std::max(statistics_.peak_reserved, statistics_.reserved);
    return block;
  }
#endif

  // Whether the machine has that much: to be asked before each request to the system.
  bool fits(size_t bytes) {
    if (bytes > unasked_) {
      const size_t available = available_memory();
      if (bytes > available) return false;
      unasked_ = bytes + std::min(kAskEvery, (available - bytes) / 2);
    }
    unasked_ -= bytes;
    return true;
  }

  void release() { statistics_.reserved -= classes_.release() + segments_.release(); }

  [[noreturn]] void fail(size_t bytes) const {
    throw c10::OutOfMemoryError({__func__, __FILE__, static_cast<uint32_t>(__LINE__)},
                                "out of memory: " + std::to_string(bytes) + " bytes asked for, " +
                                    std::to_string(available_memory()) + " available, " +
                                    std::to_string(statistics_.allocated) + " in use by tensors");
  }

  std::mutex mutex_;
  std::unordered_map<void*, Block*> used_;
  ClassPool classes_;
  SegmentPool segments_;
  MemoryStatistics statistics_;
  size_t unasked_ = 0;
};

// Never destroyed: tensors may be freed while the process ends.
CachingAllocator& allocator() {
  static auto* const instance = new CachingAllocator;
  return *instance;
}

void give_back(void* data) {
  if (data) allocator().give(data);
}

class CpuAllocator final : public c10::Allocator {
 public:
  // One of the two overrides: the method lost its `const` in libtorch 2.3. `copy_data` came in 2.2.
  c10::DataPtr allocate(size_t bytes) const { return take(bytes); }
  c10::DataPtr allocate(size_t bytes) { return take(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }

  // Data pointer and context are the same, as the raw interface (used for oneDNN's scratch memory) demands.
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

 private:
  static c10::DataPtr take(size_t bytes) {
    void* const data = bytes ? allocator().take(bytes) : nullptr;
    return {data, data, &give_back, c10::Device(c10::kCPU)};
  }
};

}  // namespace

void install_cpu_allocator() {
  static auto* const instance = new CpuAllocator;
  c10::SetCPUAllocator(instance, 100);
}

void require_cpu_memory(size_t bytes) { allocator().require(bytes); }
MemoryStatistics cpu_memory_statistics() { return allocator().statistics(); }
void reset_cpu_peak_memory() { allocator().reset_peaks(); }
size_t restart_cpu_watermark() { return allocator().restart_watermark(); }
void raise_cpu_watermark(size_t bytes) { allocator().raise_watermark(bytes); }
void release_cached_cpu_memory() { allocator().release_kept(); }

}  // namespace locallearn
