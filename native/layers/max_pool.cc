// Max pool of maps [n, h, w, c] on the CPU. Of each maximum it keeps where in its window it was, in a byte; libtorch's
// keeps a position of eight in the map, and its gradient takes a second map of the input's size.
#include "../profile/profile.h"
#include "pool_windows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <limits>
#include <tuple>
#include <vector>

namespace locallearn {
namespace {

using at::Tensor;

template <typename T>
void pool(const Tensor& x, const Windows& windows, const Pooled& pooled) {
  const int64_t channels = x.size(3), rows = windows.rows(), length = windows.columns() * channels;
  const T* const from = x.data_ptr<T>();
  T* const to = pooled.y.data_ptr<T>();
  uint8_t* const positions = pooled.positions.data_ptr<uint8_t>();
  at::parallel_for(0, x.size(0) * rows, 8, [&](int64_t begin, int64_t end) {
    PoolRow<T> row(windows, channels);
    for (int64_t i = begin; i < end; i++) {
      const T* const image = from + i / rows * windows.height * windows.width * channels;
      row.write(
          i % rows, [&](int64_t number) { return image + number * windows.width * channels; }, to + i * length,
          positions + i * length);
    }
  });
}

// → y, and the position of each maximum in its window, of uint8
std::tuple<Tensor, Tensor> max_pool(const Tensor& x, int64_t window, int64_t stride, int64_t padding) {
  const Span span("max pool");
  TORCH_CHECK(x.is_cpu() && x.dim() == 4 && (x.scalar_type() == at::kFloat || is_short(x)),
              "argument 'x' must be float32 or bfloat16 [n, h, w, c] on the CPU");
  const Windows windows = windows_of(x.size(1), x.size(2), window, stride, padding);
  const Tensor map = x.contiguous();
  const Pooled pooled = room_for(map, windows);
  is_short(x) ? pool<at::BFloat16>(map, windows, pooled) : pool<float>(map, windows, pooled);
  return {pooled.y, pooled.positions};
}

template <typename T>
void scatter(const Tensor& dy, const Tensor& positions, const Windows& windows, const Tensor& dx) {
  const int64_t channels = dy.size(3), rows = windows.rows(), columns = windows.columns();
  const T* const from = dy.data_ptr<T>();
  const uint8_t* const at = positions.data_ptr<uint8_t>();
  T* const to = dx.data_ptr<T>();
  at::parallel_for(0, dy.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> pixels;
    for (int64_t i = begin * rows; i < end * rows; i++) {
      T* const image = to + i / rows * windows.height * windows.width * channels;
      for (int64_t column = 0; column < columns; column++) {
        windows.pixels(i % rows, column, pixels);
        const int64_t result = (i * columns + column) * channels;
        for (int64_t c = 0; c < channels; c++) {
          const uint8_t position = at[result + c];
          const int64_t pixel = position < pixels.size() ? pixels[position] : -1;
          TORCH_CHECK(pixel >= 0, "argument 'positions' must lie within their windows and the map");
          image[pixel * channels + c] += from[result + c];
        }
      }
    }
  });
}

// → dx, of the height and width given; dy and positions are of the result's shape.
Tensor max_pool_backward(const Tensor& dy, const Tensor& positions, int64_t height, int64_t width, int64_t window,
                         int64_t stride, int64_t padding) {
  const Span span("max pool backward");
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  TORCH_CHECK(height <= most && width <= most, "the map is ", height, "×", width);
  const Windows windows = windows_of(height, width, window, stride, padding);
  check_positions(positions, dy, windows);
  const Tensor gradient = dy.contiguous(), at = positions.contiguous();
  const Tensor dx = at::zeros({dy.size(0), height, width, dy.size(3)}, dy.options());
  is_short(dy) ? scatter<at::BFloat16>(gradient, at, windows, dx) : scatter<float>(gradient, at, windows, dx);
  return dx;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def("max_pool(Tensor x, int window, int stride, int padding) -> (Tensor, Tensor)", max_pool);
  library.def(
      "max_pool_backward(Tensor dy, Tensor positions, int height, int width, int window, int stride, int padding) -> "
      "Tensor",
      max_pool_backward);
}

}  // namespace locallearn
