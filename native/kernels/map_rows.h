// The rows of a map, [rows…, channels], for loops over float32: where they lie, or of bfloat16 widened a few at a time.
#pragma once

#include "rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace locallearn {

inline bool is_short(const at::Tensor& x) { return x.scalar_type() == at::kBFloat16; }

// What is read of a contiguous map of float32 or bfloat16, of rows that are made whenever they are read, or of none.
class RowsIn {
 public:
  RowsIn() = default;
  explicit RowsIn(const at::Tensor& map)
      : channels_(map.size(-1)),
        floats_(is_short(map) ? nullptr : map.data_ptr<float>()),
        shorts_(is_short(map) ? reinterpret_cast<const uint16_t*>(map.data_ptr<at::BFloat16>()) : nullptr) {}

  // `make` writes them.
  RowsIn(int64_t channels, std::function<void(int64_t first, int64_t rows, float* to)> make)
      : channels_(channels), make_(std::move(make)) {}

  // Whether what is read lies in `scratch`.
  bool widened() const { return shorts_ != nullptr || make_; }

  // `rows` rows from `first` on, which may lie in `scratch`; null where there is no map.
  const float* read(int64_t first, int64_t rows, std::vector<float>& scratch) const {
    if (!widened()) return floats_ == nullptr ? nullptr : floats_ + first * channels_;
    scratch.resize(rows * channels_);
    if (make_) {
      make_(first, rows, scratch.data());
      return scratch.data();
    }
    row_loops().widen(shorts_ + first * channels_, rows * channels_, scratch.data());
    return scratch.data();
  }

  // Writes those of a map to `to`.
  void copy(int64_t first, int64_t rows, float* to) const {
    if (shorts_ != nullptr) return row_loops().widen(shorts_ + first * channels_, rows * channels_, to);
    std::copy_n(floats_ + first * channels_, rows * channels_, to);
  }

 private:
  int64_t channels_ = 0;
  const float* floats_ = nullptr;
  const uint16_t* shorts_ = nullptr;
  std::function<void(int64_t first, int64_t rows, float* to)> make_;
};

// What is written of one, or of none.
class RowsOut {
 public:
  RowsOut() = default;
  explicit RowsOut(const at::Tensor& map)
      : channels_(map.size(-1)),
        floats_(is_short(map) ? nullptr : map.data_ptr<float>()),
        shorts_(is_short(map) ? reinterpret_cast<uint16_t*>(map.data_ptr<at::BFloat16>()) : nullptr) {}

  bool narrowed() const { return shorts_ != nullptr; }

  // Where to write `rows` rows from `first` on; null where there is no map. `written` follows, with the same.
  float* begin(int64_t first, int64_t rows, std::vector<float>& scratch) const {
    if (shorts_ == nullptr) return floats_ == nullptr ? nullptr : floats_ + first * channels_;
    scratch.resize(rows * channels_);
    return scratch.data();
  }
  void written(int64_t first, int64_t rows, const std::vector<float>& scratch) const {
    if (shorts_ != nullptr) row_loops().narrow(scratch.data(), rows * channels_, shorts_ + first * channels_);
  }
  // Puts what was written, rounded, to where it was made.
  void read_back(int64_t first, int64_t rows, std::vector<float>& scratch) const {
    if (shorts_ != nullptr) row_loops().widen(shorts_ + first * channels_, rows * channels_, scratch.data());
  }

 private:
  int64_t channels_ = 0;
  float* floats_ = nullptr;
  uint16_t* shorts_ = nullptr;
};

// Calls f(first, rows) for rows `begin` to `end`, so many at once that they stay in the second-level cache; the last first: what
// convolutions made before, image by image, is in the cache there, and what they will read next is when this comes to an end.
// Where they are converted, a few of these at a time, which stay in the first-level cache, one after another: that is how
// processors read ahead.
template <typename F>
void in_blocks(bool converted, int64_t begin, int64_t end, int64_t channels, const F& f) {
  const int64_t floats = std::max<int64_t>(channels, 1);
  const int64_t most = std::max<int64_t>(16384 / floats, 64);
  const int64_t few = converted ? std::clamp<int64_t>(2048 / floats, 8, 64) : most;
  for (int64_t last = end; last > begin; last -= most)
    for (int64_t first = std::max(begin, last - most); first < last; first += few) f(first, std::min(few, last - first));
}

}  // namespace locallearn
