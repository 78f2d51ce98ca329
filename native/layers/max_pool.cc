// Max pool of maps [n, h, w, c] on the CPU. Of each maximum it keeps where in its window it was, in a byte; libtorch's
// keeps a position of eight in the map, and its gradient takes a second map of the input's size.
#include "../kernels/map_rows.h"
#include "../profile/profile.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <limits>
#include <tuple>
#include <vector>

namespace locallearn {
namespace {

using at::Tensor;

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
};

Windows windows_of(int64_t height, int64_t width, int64_t size, int64_t stride, int64_t padding) {
  TORCH_CHECK(size >= 1 && size <= kMostWindow, "argument 'window' must be 1 to ", kMostWindow, ", got ", size);
  TORCH_CHECK(stride >= 1 && stride <= std::numeric_limits<int32_t>::max(), "argument 'stride' must be positive, got ",
              stride);
  TORCH_CHECK(padding >= 0 && 2 * padding <= size, "argument 'padding' must be half a window at most, got ", padding);
  const Windows windows{size, stride, padding, height, width};
  TORCH_CHECK(std::min(height, width) >= 1 && std::min(height, width) + 2 * padding >= size,
              "a window of ", size, " is larger than the padded map of ", height, "×", width);
  return windows;
}

// As libtorch has it: the first of equals, and NaN before all.
template <typename T>
void pool_pixel(const T* image, const std::vector<int64_t>& pixels, int64_t channels, float* __restrict most,
                int32_t* __restrict found, T* __restrict y, uint8_t* __restrict positions) {
  bool first = true;
  for (size_t k = 0; k < pixels.size(); k++) {
    if (pixels[k] < 0) continue;
    const T* const x = image + pixels[k] * channels;
    const int32_t position = k;
    for (int64_t c = 0; first && c < channels; c++) {
      most[c] = x[c];
      found[c] = position;
    }
    for (int64_t c = 0; !first && c < channels; c++) {
      const float value = x[c];
      const bool takes = value > most[c] || value != value;
      most[c] = takes ? value : most[c];
      found[c] = takes ? position : found[c];
    }
    first = false;
  }
  for (int64_t c = 0; c < channels; c++) {
    y[c] = most[c];
    positions[c] = found[c];
  }
}

template <typename T>
void pool(const Tensor& x, const Windows& windows, const Tensor& y, const Tensor& positions) {
  const int64_t channels = x.size(3), rows = windows.rows(), columns = windows.columns();
  const T* const from = x.data_ptr<T>();
  T* const to = y.data_ptr<T>();
  uint8_t* const at = positions.data_ptr<uint8_t>();
  at::parallel_for(0, x.size(0) * rows, 8, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> pixels;
    std::vector<float> most(channels);
    std::vector<int32_t> found(channels);
    for (int64_t i = begin; i < end; i++) {
      const T* const image = from + i / rows * windows.height * windows.width * channels;
      for (int64_t column = 0; column < columns; column++) {
        windows.pixels(i % rows, column, pixels);
        const int64_t result = (i * columns + column) * channels;
        pool_pixel(image, pixels, channels, most.data(), found.data(), to + result, at + result);
      }
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
  const Tensor y = at::empty({x.size(0), windows.rows(), windows.columns(), x.size(3)}, x.options());
  const Tensor positions = at::empty(y.sizes(), x.options().dtype(at::kByte));
  is_short(x) ? pool<at::BFloat16>(map, windows, y, positions) : pool<float>(map, windows, y, positions);
  return {y, positions};
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
  TORCH_CHECK(dy.is_cpu() && dy.dim() == 4 && dy.numel() > 0 && (dy.scalar_type() == at::kFloat || is_short(dy)),
              "argument 'dy' must be float32 or bfloat16 [n, h, w, c] on the CPU, and not empty");
  TORCH_CHECK(height <= most && width <= most, "the map is ", height, "×", width);
  const Windows windows = windows_of(height, width, window, stride, padding);
  TORCH_CHECK(dy.size(1) == windows.rows() && dy.size(2) == windows.columns(), "argument 'dy' must be of ",
              windows.rows(), "×", windows.columns(), ", got shape ", dy.sizes());
  TORCH_CHECK(positions.is_cpu() && positions.scalar_type() == at::kByte && positions.sizes() == dy.sizes(),
              "argument 'positions' must be uint8 of the shape of dy");
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
