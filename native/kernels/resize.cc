#include "resize.h"

#include <algorithm>

namespace locallearn {
namespace {

// In float32, as libtorch finds them.
std::vector<Between> positions(int64_t from, int64_t to) {
  const float step = to > 1 ? static_cast<float>(from - 1) / (to - 1) : 0.f;
  std::vector<Between> found(to);
  for (int64_t i = 0; i < to; i++) {
    const float at = step * i;
    const int64_t first = std::min<int64_t>(at, from - 1);
    found[i] = {first, std::min(first + 1, from - 1), at - first};
  }
  return found;
}

}  // namespace

Resize::Resize(Size from, Size to, int64_t channels)
    : from_(from),
      channels_(channels),
      rows_(positions(from.height, to.height)),
      columns_(positions(from.width, to.width)) {}

void Resize::row(const float* image, int64_t row, float* line, float* to) const {
  const Between& at = rows_[row];
  const int64_t floats = line_floats();
  row_loops().blend(image + at.first * floats, image + at.second * floats, at.share, floats, line);
  row_loops().blend_pixels(line, columns_.data(), columns_.size(), channels_, to);
}

void Resize::add_gradient(const float* d, int64_t row, float* line, float* dx) const {
  const Between& at = rows_[row];
  const int64_t floats = line_floats();
  std::fill_n(line, floats, 0.f);
  row_loops().add_to_pixels(d, columns_.data(), columns_.size(), channels_, line);
  row_loops().add_scaled(line, 1 - at.share, floats, dx + at.first * floats);
  row_loops().add_scaled(line, at.share, floats, dx + at.second * floats);
}

}  // namespace locallearn
