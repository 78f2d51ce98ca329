// Memory that will be used soon, asked for while something else is computed.
#pragma once

#include <algorithm>
#include <cstdint>

namespace locallearn {

// So many floats from an address on, which need not be there, in parts that are about equal.
class Ahead {
 public:
  Ahead() : next_(nullptr), end_(nullptr), part_(0) {}
  Ahead(const float* from, int64_t floats, int64_t parts)
      : next_(from), end_(from + floats), part_((floats + parts * kLine - 1) / (parts * kLine) * kLine) {}
  // Asks for another part.
  void fetch() {
    const float* const end = std::min(end_, next_ + part_);
    for (; next_ < end; next_ += kLine) __builtin_prefetch(next_);
  }

 private:
  static constexpr int64_t kLine = 16;  // floats in a line of the cache
  const float *next_, *end_;
  int64_t part_;
};

}  // namespace locallearn
