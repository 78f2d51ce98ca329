// One pass for the statistics and one for the result, in both directions. libtorch takes three forward and five
// backward (its ReLU and its normalisation are apart), and sums whole maps in float32; here at most kChunk rows are
// summed in float32, about the first row's values, and everything above that in float64.
#include "batch_norm.h"

#include "profile.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

// The loops are compiled for several instruction sets, and the best is chosen when the addon loads.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define LOCALLEARN_VECTORISED __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define LOCALLEARN_VECTORISED
#endif
// Into each of those functions its body is inlined, to be compiled for the same instruction set.
#define LOCALLEARN_BODY inline __attribute__((always_inline))

namespace locallearn {
namespace {

using at::Tensor;
using c10::optional;

constexpr int64_t kChunk = 64;   // rows whose 16-channel slices stay in the first-level cache
constexpr int64_t kLanes = 16;   // channels a time: one cache line
constexpr int64_t kGrain = 512;  // rows a thread takes at least

struct Rows {
  int64_t count, channels;
};

Rows rows_of(const Tensor& x) {
  const int64_t channels = x.size(-1);
  return {channels == 0 ? 0 : x.numel() / channels, channels};
}

// Sums of (x − origin) and its square over `rows` rows of `lanes` channels.
LOCALLEARN_VECTORISED void chunk_moments(const float* x, int64_t stride, int64_t rows, int64_t lanes,
                                         const float* origin, double* sum, double* square) {
  float s[kLanes] = {}, q[kLanes] = {};
  if (lanes == kLanes) {
    for (int64_t r = 0; r < rows; r++) {
      const float* row = x + r * stride;
      for (int64_t j = 0; j < kLanes; j++) {
        const float d = row[j] - origin[j];
        s[j] += d;
        q[j] += d * d;
      }
    }
  } else {
    for (int64_t r = 0; r < rows; r++) {
      const float* row = x + r * stride;
      for (int64_t j = 0; j < lanes; j++) {
        const float d = row[j] - origin[j];
        s[j] += d;
        q[j] += d * d;
      }
    }
  }
  for (int64_t j = 0; j < lanes; j++) {
    sum[j] += s[j];
    square[j] += q[j];
  }
}

// What the elementwise passes need of each channel.
struct Affine {
  const float *mean, *scale, *shift;
};

template <bool kRelu, bool kResidual>
LOCALLEARN_BODY void affine_row(const float* x, const float* residual, float* y, int64_t channels, const Affine& a) {
  for (int64_t j = 0; j < channels; j++) {
    float v = (x[j] - a.mean[j]) * a.scale[j] + a.shift[j];
    if (kResidual) v += residual[j];
    y[j] = kRelu ? (v < 0 ? 0 : v) : v;  // NaN stays NaN
  }
}

LOCALLEARN_VECTORISED void affine_plain(const float* x, const float*, float* y, int64_t rows, int64_t channels, Affine a) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels) affine_row<false, false>(x, nullptr, y, channels, a);
}
LOCALLEARN_VECTORISED void affine_relu(const float* x, const float*, float* y, int64_t rows, int64_t channels, Affine a) {
  for (int64_t r = 0; r < rows; r++, x += channels, y += channels) affine_row<true, false>(x, nullptr, y, channels, a);
}
LOCALLEARN_VECTORISED void affine_residual(const float* x, const float* residual, float* y, int64_t rows, int64_t channels,
                                           Affine a) {
  for (int64_t r = 0; r < rows; r++, x += channels, residual += channels, y += channels)
    affine_row<false, true>(x, residual, y, channels, a);
}
LOCALLEARN_VECTORISED void affine_residual_relu(const float* x, const float* residual, float* y, int64_t rows,
                                                int64_t channels, Affine a) {
  for (int64_t r = 0; r < rows; r++, x += channels, residual += channels, y += channels)
    affine_row<true, true>(x, residual, y, channels, a);
}

enum class Mask { kNone, kOutput, kNorm };

template <Mask kMask>
LOCALLEARN_BODY float masked_gradient(const float* dy, const float* x, const float* y, int64_t j, const Affine& a) {
  if (kMask == Mask::kOutput) return y[j] > 0 ? dy[j] : 0;
  if (kMask == Mask::kNorm) return (x[j] - a.mean[j]) * a.scale[j] + a.shift[j] > 0 ? dy[j] : 0;
  return dy[j];
}

// Sums of g and of g·(x − mean) over a chunk, g being dy through the mask.
template <Mask kMask>
LOCALLEARN_BODY void chunk_gradient_sums(const float* dy, const float* x, const float* y, int64_t stride, int64_t rows,
                                int64_t lanes, const Affine& a, double* sum, double* product) {
  float s[kLanes] = {}, p[kLanes] = {};
  const auto add = [&](int64_t at, int64_t j) __attribute__((always_inline)) {
    const float g = masked_gradient<kMask>(dy + at, x + at, y + at, j, a);
    s[j] += g;
    p[j] += g * (x[at + j] - a.mean[j]);
  };
  if (lanes == kLanes) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t j = 0; j < kLanes; j++) add(r * stride, j);
  } else {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t j = 0; j < lanes; j++) add(r * stride, j);
  }
  for (int64_t j = 0; j < lanes; j++) {
    sum[j] += s[j];
    product[j] += p[j];
  }
}
using GradientSums = void (*)(const float*, const float*, const float*, int64_t, int64_t, int64_t, Affine, double*, double*);
LOCALLEARN_VECTORISED void gradient_sums_none(const float* dy, const float* x, const float* y, int64_t stride, int64_t rows,
                                              int64_t lanes, Affine a, double* sum, double* product) {
  chunk_gradient_sums<Mask::kNone>(dy, x, y, stride, rows, lanes, a, sum, product);
}
LOCALLEARN_VECTORISED void gradient_sums_output(const float* dy, const float* x, const float* y, int64_t stride, int64_t rows,
                                                int64_t lanes, Affine a, double* sum, double* product) {
  chunk_gradient_sums<Mask::kOutput>(dy, x, y, stride, rows, lanes, a, sum, product);
}
LOCALLEARN_VECTORISED void gradient_sums_norm(const float* dy, const float* x, const float* y, int64_t stride, int64_t rows,
                                              int64_t lanes, Affine a, double* sum, double* product) {
  chunk_gradient_sums<Mask::kNorm>(dy, x, y, stride, rows, lanes, a, sum, product);
}

// dx = scale·(g − offset − slope·(x − mean)); `masked` receives g where it is wanted.
struct Correction {
  const float *offset, *slope;
};

template <Mask kMask, bool kStore>
LOCALLEARN_BODY void input_gradient_rows(const float* dy, const float* x, const float* y, float* dx, float* masked, int64_t rows,
                                int64_t channels, const Affine& a, const Correction& c) {
  for (int64_t r = 0; r < rows; r++) {
    const int64_t at = r * channels;
    for (int64_t j = 0; j < channels; j++) {
      const float g = masked_gradient<kMask>(dy + at, x + at, y + at, j, a);
      if (kStore) masked[at + j] = g;
      dx[at + j] = a.scale[j] * (g - c.offset[j] - c.slope[j] * (x[at + j] - a.mean[j]));
    }
  }
}
using InputGradient = void (*)(const float*, const float*, const float*, float*, float*, int64_t, int64_t, Affine, Correction);
LOCALLEARN_VECTORISED void input_gradient_none(const float* dy, const float* x, const float* y, float* dx, float* m,
                                               int64_t rows, int64_t channels, Affine a, Correction c) {
  input_gradient_rows<Mask::kNone, false>(dy, x, y, dx, m, rows, channels, a, c);
}
LOCALLEARN_VECTORISED void input_gradient_output(const float* dy, const float* x, const float* y, float* dx, float* m,
                                                 int64_t rows, int64_t channels, Affine a, Correction c) {
  input_gradient_rows<Mask::kOutput, false>(dy, x, y, dx, m, rows, channels, a, c);
}
LOCALLEARN_VECTORISED void input_gradient_output_store(const float* dy, const float* x, const float* y, float* dx, float* m,
                                                       int64_t rows, int64_t channels, Affine a, Correction c) {
  input_gradient_rows<Mask::kOutput, true>(dy, x, y, dx, m, rows, channels, a, c);
}
LOCALLEARN_VECTORISED void input_gradient_norm(const float* dy, const float* x, const float* y, float* dx, float* m,
                                               int64_t rows, int64_t channels, Affine a, Correction c) {
  input_gradient_rows<Mask::kNorm, false>(dy, x, y, dx, m, rows, channels, a, c);
}

// Runs `chunk(row, rows, lane, lanes, first, second)` over every chunk and lane group, adding up two sums a channel.
// Each thread sums a fixed range of rows, so the result depends on the number of threads alone.
template <typename Chunk>
void sum_channels(const Rows& rows, std::vector<double>& first, std::vector<double>& second, const Chunk& chunk) {
  const Span span("sums over the map");
  const int64_t threads = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows.count / kGrain));
  const int64_t share = (rows.count + threads - 1) / threads;
  std::vector<double> partial(2 * threads * rows.channels, 0.0);
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; t++) {
      double* const a = partial.data() + 2 * t * rows.channels;
      double* const b = a + rows.channels;
      const int64_t last = std::min(rows.count, (t + 1) * share);
      for (int64_t row = t * share; row < last; row += kChunk)
        for (int64_t lane = 0; lane < rows.channels; lane += kLanes)
          chunk(row, std::min(kChunk, last - row), lane, std::min(kLanes, rows.channels - lane), a + lane, b + lane);
    }
  });
  first.assign(rows.channels, 0.0);
  second.assign(rows.channels, 0.0);
  for (int64_t t = 0; t < threads; t++)
    for (int64_t j = 0; j < rows.channels; j++) {
      first[j] += partial[2 * t * rows.channels + j];
      second[j] += partial[(2 * t + 1) * rows.channels + j];
    }
}

std::vector<float> product(const Tensor& a, const Tensor& b) {
  const float *pa = a.data_ptr<float>(), *pb = b.data_ptr<float>();
  std::vector<float> out(a.numel());
  for (size_t j = 0; j < out.size(); j++) out[j] = pa[j] * pb[j];
  return out;
}

void batch_statistics(const Tensor& x, const Rows& rows, Tensor& mean, Tensor& inverse_deviation,
                      const Tensor& running_mean, const Tensor& running_variance, double momentum, double epsilon) {
  const float* const px = x.data_ptr<float>();
  std::vector<double> sum, square;
  sum_channels(rows, sum, square, [&](int64_t row, int64_t count, int64_t lane, int64_t lanes, double* s, double* q) {
    chunk_moments(px + row * rows.channels + lane, rows.channels, count, lanes, px + lane, s, q);
  });
  float *const m = mean.data_ptr<float>(), *const d = inverse_deviation.data_ptr<float>();
  float *const rm = running_mean.data_ptr<float>(), *const rv = running_variance.data_ptr<float>();
  const double n = rows.count;
  for (int64_t j = 0; j < rows.channels; j++) {
    const double offset = sum[j] / n;
    const double difference = square[j] / n - offset * offset;
    const double variance = difference < 0 ? 0 : difference;  // rounding; NaN stays NaN
    const double average = px[j] + offset;
    m[j] = average;
    d[j] = 1 / std::sqrt(variance + epsilon);
    rm[j] = (1 - momentum) * rm[j] + momentum * average;
    rv[j] = (1 - momentum) * rv[j] + momentum * variance * n / (n - 1);
  }
}

}  // namespace

Normalised normalise(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                     const Tensor& running_variance, const optional<Tensor>& residual, bool training, double momentum,
                     double epsilon, bool relu) {
  const Span span("batch norm forward");
  const Rows rows = rows_of(x);
  Tensor y = at::empty_like(x);
  Tensor mean, inverse_deviation;
  if (training) {
    TORCH_CHECK(rows.count > 1, "batch normalisation needs more than one value a channel in training mode");
    mean = at::empty_like(gamma);
    inverse_deviation = at::empty_like(gamma);
    batch_statistics(x, rows, mean, inverse_deviation, running_mean, running_variance, momentum, epsilon);
  } else {
    mean = running_mean.clone();
    inverse_deviation = (running_variance + epsilon).rsqrt_();
  }
  const std::vector<float> scale = product(gamma, inverse_deviation);
  const Affine affine{mean.data_ptr<float>(), scale.data(), beta.data_ptr<float>()};
  const float* const px = x.data_ptr<float>();
  const float* const pr = residual.has_value() ? residual->data_ptr<float>() : nullptr;
  float* const py = y.data_ptr<float>();
  const auto apply = pr != nullptr ? (relu ? affine_residual_relu : affine_residual) : (relu ? affine_relu : affine_plain);
  at::parallel_for(0, rows.count, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * rows.channels;
    apply(px + at, pr == nullptr ? nullptr : pr + at, py + at, end - begin, rows.channels, affine);
  });
  return {y, mean, inverse_deviation};
}

NormaliseGradients normalise_backward(const Tensor& dy, const Tensor& x, const optional<Tensor>& relu_output,
                                      bool relu_of_norm, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                                      const Tensor& inverse_deviation, bool training, const optional<Tensor>& masked) {
  const Span span("batch norm backward");
  const Rows rows = rows_of(x);
  const Mask mask = relu_output.has_value() ? Mask::kOutput : relu_of_norm ? Mask::kNorm : Mask::kNone;
  const std::vector<float> scale = product(gamma, inverse_deviation);
  const Affine affine{mean.data_ptr<float>(), scale.data(), beta.data_ptr<float>()};
  const float *const pdy = dy.data_ptr<float>(), *const px = x.data_ptr<float>();
  const float* const py = relu_output.has_value() ? relu_output->data_ptr<float>() : px;

  const GradientSums sums = mask == Mask::kOutput ? gradient_sums_output
                            : mask == Mask::kNorm ? gradient_sums_norm
                                                  : gradient_sums_none;
  std::vector<double> sum, product_sum;
  sum_channels(rows, sum, product_sum,
               [&](int64_t row, int64_t count, int64_t lane, int64_t lanes, double* s, double* p) {
                 const int64_t at = row * rows.channels + lane;
                 const Affine group{affine.mean + lane, affine.scale + lane, affine.shift + lane};
                 sums(pdy + at, px + at, py + at, rows.channels, count, lanes, group, s, p);
               });

  NormaliseGradients gradients{at::empty_like(x), at::empty_like(gamma), at::empty_like(gamma)};
  float *const dgamma = gradients.gamma.data_ptr<float>(), *const dbeta = gradients.beta.data_ptr<float>();
  const float* const deviation = inverse_deviation.data_ptr<float>();
  std::vector<float> offset(rows.channels, 0.f), slope(rows.channels, 0.f);
  for (int64_t j = 0; j < rows.channels; j++) {
    dbeta[j] = sum[j];
    dgamma[j] = product_sum[j] * deviation[j];
    if (!training) continue;  // the running statistics do not depend on x
    offset[j] = sum[j] / rows.count;
    slope[j] = product_sum[j] * deviation[j] * deviation[j] / rows.count;
  }
  const Correction correction{offset.data(), slope.data()};
  float* const pdx = gradients.x.data_ptr<float>();
  float* const pm = masked.has_value() ? masked->data_ptr<float>() : nullptr;
  TORCH_CHECK(pm == nullptr || mask == Mask::kOutput, "only a masked gradient after a residual is kept");
  const InputGradient apply = mask == Mask::kOutput ? (pm != nullptr ? input_gradient_output_store : input_gradient_output)
                              : mask == Mask::kNorm ? input_gradient_norm
                                                    : input_gradient_none;
  at::parallel_for(0, rows.count, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * rows.channels;
    apply(pdy + at, px + at, py + at, pdx + at, pm == nullptr ? nullptr : pm + at, end - begin, rows.channels, affine,
          correction);
  });
  return gradients;
}

}  // namespace locallearn
