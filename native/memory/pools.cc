#include "pools.h"

#include "system_memory.h"

#include <cstdlib>
#include <iterator>

namespace locallearn {
namespace {

constexpr size_t kFineStep = 64, kFineLimit = 1024, kFineClasses = kFineLimit / kFineStep;
constexpr size_t kCoarseStep = 512, kCoarseLimit = 8192;
constexpr size_t kCoarseClasses = (kCoarseLimit - kFineLimit) / kCoarseStep;
constexpr int kCoarseLog = 13;

// Large blocks begin and end at multiples of this.
constexpr size_t kGrain = size_t{64} << 10;
// Less than this is left with the block rather than split off.
constexpr size_t kSplitFrom = size_t{256} << 10;

size_t large_bytes(size_t bytes) { return (bytes + kGrain - 1) / kGrain * kGrain; }

}  // namespace

size_t ClassPool::class_of(size_t bytes) {
  if (bytes <= kFineLimit) return (bytes - 1) / kFineStep;
  if (bytes <= kCoarseLimit) return kFineClasses + (bytes - kFineLimit - 1) / kCoarseStep;
  const int log = 63 - __builtin_clzll(bytes - 1);
  const size_t eighth = (bytes - 1 - (size_t{1} << log)) >> (log - 3);
  return kFineClasses + kCoarseClasses + static_cast<size_t>(log - kCoarseLog) * 8 + eighth;
}

size_t ClassPool::class_bytes(size_t index) {
  if (index < kFineClasses) return (index + 1) * kFineStep;
  index -= kFineClasses;
  if (index < kCoarseClasses) return kFineLimit + (index + 1) * kCoarseStep;
  index -= kCoarseClasses;
  const size_t base = size_t{1} << (kCoarseLog + index / 8);
  return base + (index % 8 + 1) * (base / 8);
}

Block* ClassPool::add(size_t bytes) {
  auto block = std::make_unique<Block>();
  block->bytes = class_bytes(class_of(bytes));
  void* data = nullptr;
  if (posix_memalign(&data, kAlignment, block->bytes) != 0) return nullptr;
  block->data = static_cast<char*>(data);
  return block.release();
}

Block* ClassPool::find(size_t bytes) {
  const size_t first = class_of(bytes);
  const size_t most = class_bytes(first) + class_bytes(first) / 4;
  for (size_t index = first; index < kClasses && class_bytes(index) <= most; ++index) {
    if (Block* const block = kept_[index]) {
      kept_[index] = block->next;
      block->next = nullptr;
      return block;
    }
  }
  return nullptr;
}

void ClassPool::keep(Block* block) {
  Block*& list = kept_[class_of(block->bytes)];
  block->next = list;
  list = block;
}

size_t ClassPool::release() {
  size_t released = 0;
  for (Block*& list : kept_) {
    while (list) {
      const std::unique_ptr<Block> block(std::exchange(list, list->next));
      released += block->bytes;
      std::free(block->data);
    }
  }
  return released;
}

Block* SegmentPool::find(size_t bytes) {
  const size_t wanted = large_bytes(bytes);
  const auto found = kept_.lower_bound({wanted, 0});
  if (found == kept_.end()) return nullptr;
  Block* const block = found->second;
  if (block->bytes - wanted >= kSplitFrom) {
    auto rest = std::make_unique<Block>(Block{block->data + wanted, block->bytes - wanted});
    rest->kept_since = ++clock_;
    kept_.emplace(key_of(*rest), rest.get());
    blocks_.emplace(rest->data, std::move(rest));
    block->bytes = wanted;
  }
  kept_.erase(found);
  block->kept_since = 0;
  return block;
}

void SegmentPool::keep(Block* block) { keep(blocks_.find(block->data)); }

bool SegmentPool::joins(ByAddress::iterator block, ByAddress::iterator next) const {
  return next != blocks_.end() && next->second->kept_since && block->first + block->second->bytes == next->first;
}

void SegmentPool::keep(ByAddress::iterator block) {
  const auto next = std::next(block);
  if (joins(block, next)) {
    kept_.erase(key_of(*next->second));
    block->second->bytes += next->second->bytes;
    blocks_.erase(next);
  }
  if (block != blocks_.begin()) {
    const auto previous = std::prev(block);
    if (previous->second->kept_since && previous->first + previous->second->bytes == block->first) {
      kept_.erase(key_of(*previous->second));
      previous->second->bytes += block->second->bytes;
      blocks_.erase(block);
      block = previous;
    }
  }
  block->second->kept_since = ++clock_;
  kept_.emplace(key_of(*block->second), block->second.get());
}

size_t SegmentPool::grow(size_t bytes) {
  size_t missing = large_bytes(bytes);
  char* end = nullptr;
  if (!blocks_.empty()) {
    const Block& last = *blocks_.rbegin()->second;
    end = last.data + last.bytes;
    if (last.kept_since) missing -= last.bytes;
  }
  char* data = map_memory(missing, end);
  if (data && data != end && missing != large_bytes(bytes)) {
    // Not where the missing part would have helped.
    unmap_memory(data, missing);
    missing = large_bytes(bytes);
    data = map_memory(missing, nullptr);
  }
  if (!data) return 0;
  keep(blocks_.emplace(data, std::make_unique<Block>(Block{data, missing})).first);
  return missing;
}

size_t SegmentPool::release() {
  size_t released = 0;
  for (const auto& [key, block] : kept_) {
    released += block->bytes;
    unmap_memory(block->data, block->bytes);
    blocks_.erase(block->data);
  }
  kept_.clear();
  return released;
}

}  // namespace locallearn
