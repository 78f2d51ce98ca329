#include "conv.h"

#include "../kernels/direct_conv.h"
#include "library_conv.h"
#include "maps.h"
#include "short_conv.h"

#include <torch/library.h>

namespace locallearn {

using at::Tensor;

Tensor conv(const Tensor& x, const Tensor& filter, const optional<Tensor>& bias, int64_t stride, int64_t padding,
            int64_t groups, at::IntArrayRef resized) {
  const auto read = read_shape(x.sizes(), resized);
  if (!on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
    if (!widens(x, resized)) return to_nhwc(convolve(resized_map(x, resized), filter, bias, stride, padding, groups));
    return image_groups(x, [&](const Tensor& images) {
      return conv(images, filter, bias, stride, padding, groups, resized);
    });
  }
  const auto by = resize_of(x.sizes(), resized);
  const optional<Tensor> b = contiguous(bias);
  return direct_conv(x.contiguous(), filter.contiguous(), b.has_value() ? &*b : nullptr,
                     conv_shape(read, filter, stride, padding), pointer(by), [](int64_t, int64_t, float*) {});
}

std::tuple<Tensor, Tensor, Tensor> conv_backward(const Tensor& dy, const Tensor& x, const Tensor& filter, bool has_bias,
                                                 int64_t stride, int64_t padding, int64_t groups, at::IntArrayRef resized,
                                                 bool need_x, bool reuse_x, bool need_parameters) {
  const auto read = read_shape(x.sizes(), resized);
  if (!on_cpu(x) || !direct_serves(read, filter, stride, padding, groups)) {
    if (widens_backward(x, filter, resized)) {
      return image_groups_backward(dy, x, [&](const Tensor& gradient, const Tensor& images) {
        return conv_backward(gradient, images, filter, has_bias, stride, padding, groups, resized, need_x, true,
                             need_parameters);
      });
    }
    const auto g = convolve_backward(to_nchw(dy.to(x.scalar_type())), resized_map(x, resized), filter, has_bias, stride,
                                     padding, groups, need_x, need_parameters);
    return {resize_backward(g.x, x.sizes(), resized), g.filter, g.bias};
  }
  const ConvShape shape = conv_shape(read, filter, stride, padding);
  const auto by = resize_of(x.sizes(), resized);
  const Tensor gradient = dy.contiguous();
  const RowsIn gradients(gradient);
  const auto g = direct_conv_backward(x.contiguous(), nullptr, filter.contiguous(), shape, pointer(by), x.scalar_type(), need_x,
                                      reuse_x, need_parameters, need_parameters && has_bias,
                                      [&](int64_t, int64_t image, int64_t row, float* to) {
                                        const int64_t first = (image * shape.out_height + row) * shape.out_width;
                                        gradients.copy(first, shape.out_width, to);
                                      });
  return {g.x, g.filter, g.bias};
}

namespace {

// A filter in the layout in which convolutions read it, so that they need not bring it into that each time.
Tensor as_filter(const Tensor& filter) { return direct_reads(filter) ? filter.contiguous().alias() : filter.alias(); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "conv(Tensor x, Tensor filter, Tensor? bias, int stride, int padding, int groups, int[] resized) -> Tensor",
      conv);
  library.def("as_filter(Tensor(a) filter) -> Tensor(a)", as_filter);
  library.def(
      "conv_backward(Tensor dy, Tensor x, Tensor filter, bool has_bias, int stride, int padding, int groups, "
      "int[] resized, bool need_x, bool reuse_x, bool need_parameters) -> (Tensor, Tensor, Tensor)",
      conv_backward);
}

}  // namespace locallearn
