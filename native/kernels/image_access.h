// The images of a map as a convolution reads them, and where it writes their gradients.
#pragma once

#include "conv_shape.h"
#include "padded_image.h"
#include "resize.h"

#include <c10/util/FunctionRef.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace locallearn {

// How one thread gets at the images that a convolution reads, and rid of their gradients: padded, resized or as they lie.
class ImageAccess {
 public:
  ImageAccess(const ConvShape& shape, const Resize* resize, bool padded)
      : whole_{nullptr, shape.height, shape.width, shape.in, shape.width * shape.in},
        resize_(resize),
        copied_(padded || resize),
        border_(padded ? shape.padding : 0),
        line_(resize ? resize->line_floats() : 0) {}

  // Until the next is read.
  ImageView read(const float* image) {
    if (!copied_) {
      whole_.data = image;
      return whole_;
    }
    if (!copy_) {
      const PaddedImage::Border border{border_, border_, border_, border_};
      copy_.emplace(whole_.height, whole_.width, whole_.channels, border);
    }
    if (resize_) {
      copy_->fill([&](int64_t row, float* at) { resize_->row(image, row, line_.data(), at); });
    } else {
      copy_->copy(image);
    }
    return copy_->view();
  }

  // `write` makes the gradient of what was read.
  void write_gradient(float* to, c10::function_ref<void(float* to)> write) {
    if (!resize_) return write(to);
    if (!gradient_.defined()) gradient_ = at::empty({whole_.height * whole_.row_step}, at::kFloat);
    float* const gradient = gradient_.data_ptr<float>();
    write(gradient);
    std::fill_n(to, resize_->image_floats(), 0.f);
    for (int64_t row = 0; row < whole_.height; row++)
      resize_->add_gradient(gradient + row * whole_.row_step, row, line_.data(), to);
  }

 private:
  ImageView whole_;
  const Resize* resize_;
  bool copied_;
  int64_t border_;
  std::vector<float> line_;
  std::optional<PaddedImage> copy_;
  at::Tensor gradient_;
};

}  // namespace locallearn
