#include "pools.h"

#include <sys/mman.h>

namespace locallearn {
namespace {

constexpr size_t kPage = 4096;

size_t pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

}  // namespace

std::unique_ptr<Block> guarded_block(size_t bytes) {
  const size_t usable = pages(bytes);
  void* const mapped =
      mmap(nullptr, usable + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char* const first = static_cast<char*>(mapped) + kPage;
  if (mprotect(first, usable, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapped, usable + 2 * kPage);
    return nullptr;
  }
  return std::make_unique<Block>(Block{first + (usable - bytes), bytes});
}

void free_guarded(std::unique_ptr<Block> block) {
  const size_t usable = pages(block->bytes);
  munmap(block->data + block->bytes - usable - kPage, usable + 2 * kPage);
}

}  // namespace locallearn
