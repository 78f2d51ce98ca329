// Batch normalisation, ReLU and max pool of maps [n, h, w, c] on the CPU as one: the normalised map, and the gradient of the
// pool's input, are there a few rows a thread at a time. Apart from that they are bn and max_pool, to the last bit.
#include "../kernels/batch_norm.h"
#include "../kernels/map_rows.h"
#include "../profile/profile.h"
#include "pool_windows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace locallearn {
namespace {

using at::Tensor;

void check_map(const Tensor& x) {
  TORCH_CHECK(x.is_cpu() && x.dim() == 4 && (x.scalar_type() == at::kFloat || is_short(x)),
              "argument 'x' must be float32 or bfloat16 [n, h, w, c] on the CPU");
}

// The rows that a window reads of a map, normalised. Of one thread.
template <typename T>
class NormalisedRows {
 public:
  NormalisedRows(const Tensor& x, const AppliedNorm& applied, const Windows& windows)
      : from_(x),
        applied_(applied),
        height_(windows.height),
        width_(windows.width),
        rows_(at::empty({windows.size, windows.width, x.size(3)}, x.options())),
        to_(rows_),
        held_(windows.size, -1) {}

  // Good until as many others are read as a window has.
  const T* row(int64_t image, int64_t number) {
    const int64_t slot = number % static_cast<int64_t>(held_.size()), of_all = image * height_ + number;
    if (held_[slot] != of_all) {
      applied_.rows(from_.read(of_all * width_, width_, wide_x_), nullptr, to_.begin(slot * width_, width_, wide_y_), width_);
      to_.written(slot * width_, width_, wide_y_);
      held_[slot] = of_all;
    }
    return rows_.data_ptr<T>() + slot * rows_.stride(0);
  }

 private:
  RowsIn from_;
  const AppliedNorm& applied_;
  int64_t height_, width_;
  Tensor rows_;
  RowsOut to_;
  std::vector<int64_t> held_;  // which of all images' rows lies in which place
  std::vector<float> wide_x_, wide_y_;
};

template <typename T>
void pool_normalised(const Tensor& x, const AppliedNorm& applied, const Windows& windows, const Pooled& pooled) {
  const int64_t channels = x.size(3), rows = windows.rows(), length = windows.columns() * channels;
  T* const to = pooled.y.data_ptr<T>();
  uint8_t* const positions = pooled.positions.data_ptr<uint8_t>();
  at::parallel_for(0, x.size(0) * rows, 8, [&](int64_t begin, int64_t end) {
    NormalisedRows<T> normalised(x, applied, windows);
    PoolRow<T> row(windows, channels);
    for (int64_t i = begin; i < end; i++) {
      row.write(
          i % rows, [&](int64_t number) { return normalised.row(i / rows, number); }, to + i * length,
          positions + i * length);
    }
  });
}

// → y, the position of each maximum in its window, mean, inverse deviation
std::tuple<Tensor, Tensor, Tensor, Tensor> bn_pool(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                                   const Tensor& running_mean, const Tensor& running_variance,
                                                   bool training, double momentum, double epsilon, bool relu,
                                                   int64_t window, int64_t stride, int64_t padding) {
  const Span span("batch norm and max pool");
  check_map(x);
  const Windows windows = windows_of(x.size(1), x.size(2), window, stride, padding);
  const BatchNorm norm{gamma, beta, running_mean, running_variance, training, momentum, epsilon};
  const Tensor map = x.contiguous();
  const Normalised n = measure(map, norm);
  const AppliedNorm applied(n, norm, relu);
  const Pooled pooled = room_for(map, windows);
  is_short(map) ? pool_normalised<at::BFloat16>(map, applied, windows, pooled)
                : pool_normalised<float>(map, applied, windows, pooled);
  return {pooled.y, pooled.positions, n.mean, n.inverse_deviation};
}

// The gradient of the pool's input, some pixels of all images at a time; added up as max_pool_backward does.
template <typename T>
RowsIn gradient_rows(const Tensor& dy, const Tensor& positions, const Windows& windows) {
  const int64_t channels = dy.size(3), rows = windows.rows(), columns = windows.columns();
  const T* const from = dy.data_ptr<T>();
  const uint8_t* const at = positions.data_ptr<uint8_t>();
  const auto make_pixel = [=](int64_t image, int64_t y, int64_t x, float* __restrict to) {
    std::fill_n(to, channels, 0.f);
    for (int64_t row = windows.first_reaching(y); row < rows && row * windows.stride - windows.padding <= y; row++) {
      const int64_t i = y - row * windows.stride + windows.padding;
      for (int64_t column = windows.first_reaching(x); column < columns; column++) {
        const int64_t j = x - column * windows.stride + windows.padding;
        if (j < 0) break;
        const uint8_t position = i * windows.size + j;
        const int64_t result = ((image * rows + row) * columns + column) * channels;
        const T* const __restrict gradient = from + result;
        const uint8_t* const __restrict found = at + result;
        for (int64_t c = 0; c < channels; c++) {
          const float sum = static_cast<T>(to[c] + static_cast<float>(gradient[c]));
          to[c] = found[c] == position ? sum : to[c];
        }
      }
    }
  };
  return RowsIn(channels, [=](int64_t first, int64_t count, float* to) {
    for (int64_t pixel = first; pixel < first + count; pixel++, to += channels) {
      const int64_t row = pixel / windows.width;
      make_pixel(row / windows.height, row % windows.height, pixel % windows.width, to);
    }
  });
}

// x is what was normalised; with `reuse_x` nobody reads it afterwards, and dx takes its memory. → dx, dgamma, dbeta
std::tuple<Tensor, Tensor, Tensor> bn_pool_backward(const Tensor& dy, const Tensor& positions, const Tensor& x, bool relu,
                                                    const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                                    const Tensor& inverse_deviation, bool training, int64_t window,
                                                    int64_t stride, int64_t padding, bool reuse_x) {
  const Span span("batch norm and max pool backward");
  check_map(x);
  const Windows windows = windows_of(x.size(1), x.size(2), window, stride, padding);
  check_positions(positions, dy, windows);
  TORCH_CHECK(dy.size(0) == x.size(0) && dy.size(3) == x.size(3), "argument 'dy' is of shape ", dy.sizes(), ", x of ",
              x.sizes());
  const Tensor gradient = dy.contiguous(), at = positions.contiguous();
  const RowsIn rows = is_short(gradient) ? gradient_rows<at::BFloat16>(gradient, at, windows)
                                         : gradient_rows<float>(gradient, at, windows);
  const optional<Tensor> none;
  const NormalisedBy norm{gamma, beta, mean, inverse_deviation, training, relu ? Mask::kNorm : Mask::kNone, none};
  const auto g = normalise_backward(rows, x.contiguous(), norm, none, reuse_x);
  return {g.x, g.gamma, g.beta};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def(
      "bn_pool(Tensor x, Tensor gamma, Tensor beta, Tensor running_mean, Tensor running_variance, bool training, "
      "float momentum, float epsilon, bool relu, int window, int stride, int padding) -> (Tensor, Tensor, Tensor, Tensor)",
      bn_pool);
  library.def(
      "bn_pool_backward(Tensor dy, Tensor positions, Tensor x, bool relu, Tensor gamma, Tensor beta, Tensor mean, "
      "Tensor inverse_deviation, bool training, int window, int stride, int padding, bool reuse_x) -> "
      "(Tensor, Tensor, Tensor)",
      bn_pool_backward);
}

}  // namespace locallearn
