#include "system_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace locallearn {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr uintptr_t kFarBelow = uintptr_t{1} << 40;

// The first number after `key` in a file of lines such as "MemAvailable:  123 kB"; with no key, in the file.
std::optional<size_t> number_in(const char* path, const std::string& key) {
  std::ifstream file(path);
  size_t number = 0;
  if (key.empty()) return file >> number ? std::optional(number) : std::nullopt;
  for (std::string word; file >> word;) {
    if (word == key && file >> number) return number;
  }
  return std::nullopt;
}

}  // namespace

char* map_memory(size_t bytes, char* wanted) {
  const auto map = [](size_t size, char* hint) {
    void* const data = mmap(hint, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? nullptr : static_cast<char*>(data);
  };
  if (!wanted) {
    // Far below where the system maps by itself, so that nobody's mapping will stand in the way.
    char* const usual = map(kHugePage, nullptr);
    if (usual) munmap(usual, kHugePage);
    const auto address = reinterpret_cast<uintptr_t>(usual);
    if (address > kFarBelow) wanted = reinterpret_cast<char*>((address - kFarBelow) / kHugePage * kHugePage);
  }
  char* const data = map(bytes, wanted);
#ifdef MADV_HUGEPAGE
  // A hint: no loss where it is refused. Huge pages take a third of the time to come.
  if (data) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

void unmap_memory(char* data, size_t bytes) { munmap(data, bytes); }

size_t available_memory() {
  size_t available = std::numeric_limits<size_t>::max();
  if (const auto kilobytes = number_in("/proc/meminfo", "MemAvailable:")) available = *kilobytes * 1024;
  // Inside a container these are its own. What is cached of files counts as used, but can be dropped.
  struct Group {
    const char *limit, *used, *details, *cached;
  };
  for (const Group& group : {Group{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                                   "/sys/fs/cgroup/memory.stat", "inactive_file"},
                             Group{"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                                   "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"}}) {
    const auto limit = number_in(group.limit, ""), used = number_in(group.used, "");
    if (!limit || !used) continue;
    const size_t busy = *used - std::min(*used, number_in(group.details, group.cached).value_or(0));
    available = std::min(available, *limit - std::min(*limit, busy));
  }
  return available;
}

}  // namespace locallearn
