// The windows of a max pool over maps [n, h, w, c], and the maxima of a row of them.
#pragma once

#include "../kernels/map_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace locallearn {

constexpr int64_t kMostWindow = 15;  // its positions fit into a byte

struct Windows {
  int64_t size, stride, padding, height, width;  // height and width of the map

  int64_t rows() const { return (height + 2 * padding - size) / stride + 1; }
  int64_t columns() const { return (width + 2 * padding - size) / stride + 1; }
  // Of the window of a result's pixel: the map's pixel at each position, -1 in the padding.
  void pixels(int64_t row, int64_t column, std::vector<int64_t>& to) const {
    to.clear();
    for (int64_t i = 0; i < size; i++)
      for (int64_t j = 0; j < size; j++) {
        const int64_t y = row * stride - padding + i, x = column * stride - padding + j;
        to.push_back(y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1);
      }
  }
  // The first window, of those along an axis, that reaches the map's pixel at this place.
  int64_t first_reaching(int64_t place) const {
    return place + padding < size ? 0 : (place + padding - size) / stride + 1;
  }
};

inline Windows windows_of(int64_t height, int64_t width, int64_t size, int64_t stride, int64_t padding) {
  TORCH_CHECK(size >= 1 && size <= kMostWindow, "argument 'window' must be 1 to ", kMostWindow, ", got ", size);
  TORCH_CHECK(stride >= 1 && stride <= std::numeric_limits<int32_t>::max(), "argument 'stride' must be positive, got ",
              stride);
  TORCH_CHECK(padding >= 0 && 2 * padding <= size, "argument 'padding' must be half a window at most, got ", padding);
  const Windows windows{size, stride, padding, height, width};
  TORCH_CHECK(std::min(height, width) >= 1 && std::min(height, width) + 2 * padding >= size,
              "a window of ", size, " is larger than the padded map of ", height, "×", width);
  return windows;
}

// What is made of a map: the maxima, and where each was in its window, uint8.
struct Pooled {
  at::Tensor y, positions;
};

inline Pooled room_for(const at::Tensor& x, const Windows& windows) {
  const at::Tensor y = at::empty({x.size(0), windows.rows(), windows.columns(), x.size(3)}, x.options());
  return {y, at::empty(y.sizes(), x.options().dtype(at::kByte))};
}

inline void check_positions(const at::Tensor& positions, const at::Tensor& dy, const Windows& windows) {
  TORCH_CHECK(dy.is_cpu() && dy.dim() == 4 && dy.numel() > 0 && (dy.scalar_type() == at::kFloat || is_short(dy)),
              "argument 'dy' must be float32 or bfloat16 [n, h, w, c] on the CPU, and not empty");
  TORCH_CHECK(dy.size(1) == windows.rows() && dy.size(2) == windows.columns(), "argument 'dy' must be of ",
              windows.rows(), "×", windows.columns(), ", got shape ", dy.sizes());
  TORCH_CHECK(positions.is_cpu() && positions.scalar_type() == at::kByte && positions.sizes() == dy.sizes(),
              "argument 'positions' must be uint8 of the shape of dy");
}

// Of one thread.
template <typename T>
class PoolRow {
 public:
  PoolRow(const Windows& windows, int64_t channels)
      : windows_(windows), channels_(channels), rows_(windows.size), most_(channels), found_(channels) {}

  // Writes a row of the result. `row(i)` is where the map's row i lies, while the rows of one window are read.
  template <typename Row>
  void write(int64_t at, const Row& row, T* y, uint8_t* positions) {
    for (int64_t i = 0; i < windows_.size; i++) {
      const int64_t number = at * windows_.stride - windows_.padding + i;
      rows_[i] = number >= 0 && number < windows_.height ? row(number) : nullptr;
    }
    for (int64_t column = 0; column < windows_.columns(); column++, y += channels_, positions += channels_)
      write_pixel(column * windows_.stride - windows_.padding, y, positions);
  }

 private:
  // As libtorch has it: the first of equals, and NaN before all.
  void write_pixel(int64_t first_column, T* __restrict y, uint8_t* __restrict positions) {
    float* const __restrict most = most_.data();
    int32_t* const __restrict found = found_.data();
    bool first = true;
    for (int64_t k = 0; k < windows_.size * windows_.size; k++) {
      const T* const row = rows_[k / windows_.size];
      const int64_t column = first_column + k % windows_.size;
      if (row == nullptr || column < 0 || column >= windows_.width) continue;
      const T* const x = row + column * channels_;
      const int32_t position = k;
      for (int64_t c = 0; first && c < channels_; c++) {
        most[c] = x[c];
        found[c] = position;
      }
      for (int64_t c = 0; !first && c < channels_; c++) {
        const float value = x[c];
        const bool takes = value > most[c] || value != value;
        most[c] = takes ? value : most[c];
        found[c] = takes ? position : found[c];
      }
      first = false;
    }
    for (int64_t c = 0; c < channels_; c++) {
      y[c] = most[c];
      positions[c] = found[c];
    }
  }

  Windows windows_;
  int64_t channels_;
  std::vector<const T*> rows_;
  std::vector<float> most_;
  std::vector<int32_t> found_;
};

}  // namespace locallearn
