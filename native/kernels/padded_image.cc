#include "padded_image.h"

#include "tiles.h"

#include <algorithm>
#include <cstring>

namespace locallearn {
namespace {

// Floats that may be read beyond the end: by whole tiles, and by the last pair of pixels of a row.
int64_t slack(int64_t channels) { return std::max(kWide, channels); }

}  // namespace

PaddedImage::PaddedImage(int64_t height, int64_t width, int64_t channels, Border border)
    : height_(height),
      width_(width),
      channels_(channels),
      row_step_((border.left + width + border.right) * channels),
      data_(at::zeros({(border.top + height + border.bottom) * row_step_ + slack(channels)}, at::kFloat)),
      origin_(data_.data_ptr<float>() + border.top * row_step_ + border.left * channels) {}

void PaddedImage::fill(FillRow fill) {
  for (int64_t row = 0; row < height_; row++) fill(row, origin_ + row * row_step_);
}

void PaddedImage::copy(const float* image) {
  const int64_t floats = width_ * channels_;
  fill([&](int64_t row, float* to) { std::memcpy(to, image + row * floats, floats * sizeof(float)); });
}

}  // namespace locallearn
