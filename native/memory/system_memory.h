// Memory from the operating system, for the allocator.
#pragma once

#include <cstddef>

namespace locallearn {

// Whole pages, at `wanted` if they are free, for a range that grows; null asks for the beginning of such a range.
// Null where there is none.
char* map_memory(size_t bytes, char* wanted);
// Any part of what was mapped.
void unmap_memory(char* data, size_t bytes);

// Bytes that the machine or its container can still give; the largest number where the system does not tell.
// Linux grants far more and later kills the process that uses it, so whoever wants a clean error must ask first.
size_t available_memory();

}  // namespace locallearn
