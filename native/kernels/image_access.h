// The images of a map as a convolution reads them, and where it writes their gradients.
#pragma once

#include "direct_conv.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace locallearn {

// How one thread gets at the images that a convolution reads, and rid of their gradients: padded, resized or as they lie.
class ImageAccess {
 public:
  ImageAccess(const ConvShape& shape, const Resize* resize, bool padded)
      : floats_(resize ? resize->image_floats() : shape.image_in()),
        whole_{nullptr, shape.height, shape.width, shape.in, shape.width * shape.in},
        resize_(resize),
        line_(resize ? resize->line_floats() : 0) {
    const int64_t p = padded ? shape.padding : 0;
    if (padded || resize) copy_.emplace(shape.height, shape.width, shape.in, PaddedImage::Border{p, p, p, p});
  }

  // Until the next is read.
  ImageView read(const float* images, int64_t image) {
    const float* const from = images + image * floats_;
    if (!copy_) {
      whole_.data = from;
      return whole_;
    }
    if (resize_) {
      copy_->fill([&](int64_t row, float* at) { resize_->row(from, row, line_.data(), at); });
    } else {
      copy_->copy(from);
    }
    return copy_->view();
  }

  // `write` makes the gradient of what was read.
  void write_gradient(float* images, int64_t image, c10::function_ref<void(float* to)> write) {
    float* const to = images + image * floats_;
    if (!resize_) return write(to);
    if (!gradient_.defined()) gradient_ = at::empty({whole_.height * whole_.row_step}, at::kFloat);
    float* const gradient = gradient_.data_ptr<float>();
    write(gradient);
    std::fill_n(to, floats_, 0.f);
    for (int64_t row = 0; row < whole_.height; row++)
      resize_->add_gradient(gradient + row * whole_.row_step, row, line_.data(), to);
  }

 private:
  int64_t floats_;
  ImageView whole_;
  const Resize* resize_;
  std::vector<float> line_;
  std::optional<PaddedImage> copy_;
  at::Tensor gradient_;
};

}  // namespace locallearn
