// libtorch takes three passes forward and five backward (its ReLU and its normalisation are apart), and sums whole maps
// in float32; here it is two and two, summed as rows.h says.
#include "batch_norm.h"

#include "../profile/profile.h"
#include "map_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace locallearn {
namespace {

using at::Tensor;

constexpr int64_t kGrain = 512;  // rows a thread takes at least

int64_t rows_of(const Tensor& x) { return x.size(-1) == 0 ? 0 : x.numel() / x.size(-1); }

// Runs f(part, first, last) for each thread's share of the rows: the result depends on the number of threads alone.
int64_t parts_of(int64_t rows) {
  return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), rows / kGrain));
}
template <typename F>
void for_parts(int64_t rows, const F& f) {
  const int64_t parts = parts_of(rows);
  const int64_t share = (rows + parts - 1) / parts;
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; part++) f(part, part * share, std::min(rows, (part + 1) * share));
  });
}

}  // namespace

void Moments::add(const float* x, int64_t rows) {
  const int64_t channels = sum_.size();
  if (rows <= 0) return;
  if (origin_.empty()) origin_.assign(x, x + channels);
  row_loops().add_moments(x, rows, channels, origin_.data(), sum_.data(), square_.data());
  count_ += rows;
}

Normalised statistics(const std::vector<Moments>& parts, const BatchNorm& norm) {
  if (!norm.training) return {{}, norm.running_mean.clone(), (norm.running_variance + norm.epsilon).rsqrt_()};
  Tensor mean = at::empty_like(norm.gamma), inverse_deviation = at::empty_like(norm.gamma);
  float *const m = mean.data_ptr<float>(), *const d = inverse_deviation.data_ptr<float>();
  float *const rm = norm.running_mean.data_ptr<float>(), *const rv = norm.running_variance.data_ptr<float>();
  for (int64_t j = 0; j < mean.numel(); j++) {
    // Chan, Golub & LeVeque 1979, Eq. 2.1: parts joined one after another.
    double n = 0, average = 0, squares = 0;
    for (const Moments& part : parts) {
      if (part.count_ == 0) continue;
      const double count = part.count_, offset = part.sum_[j] / count;
      const double own = part.square_[j] - part.sum_[j] * offset, difference = part.origin_[j] + offset - average;
      squares += (own < 0 ? 0 : own) + difference * difference * n * count / (n + count);  // rounding; NaN stays NaN
      n += count;
      average += difference * count / n;
    }
    TORCH_CHECK(n > 1, "batch normalisation needs more than one value a channel in training mode");
    const double variance = squares / n;
    m[j] = average;
    d[j] = 1 / std::sqrt(variance + norm.epsilon);
    rm[j] = (1 - norm.momentum) * rm[j] + norm.momentum * average;
    rv[j] = (1 - norm.momentum) * rv[j] + norm.momentum * variance * n / (n - 1);
  }
  return {{}, mean, inverse_deviation};
}

std::vector<float> scale_of(const Tensor& gamma, const Tensor& inverse_deviation) {
  const float *a = gamma.data_ptr<float>(), *b = inverse_deviation.data_ptr<float>();
  std::vector<float> out(gamma.numel());
  for (size_t j = 0; j < out.size(); j++) out[j] = a[j] * b[j];
  return out;
}

AppliedNorm::AppliedNorm(const Normalised& n, const BatchNorm& norm, bool relu)
    : scale_(scale_of(norm.gamma, n.inverse_deviation)),
      affine_{n.mean.data_ptr<float>(), scale_.data(), norm.beta.data_ptr<float>()},
      relu_(relu) {}

void AppliedNorm::rows(const float* x, const float* residual, float* y, int64_t rows) const {
  row_loops().apply_affine(x, residual, y, rows, scale_.size(), affine_, relu_);
}

void apply_norm(const Tensor& x, const optional<Tensor>& residual, const Normalised& n, const BatchNorm& norm, bool relu) {
  const Span span("batch norm: result");
  const AppliedNorm applied(n, norm, relu);
  const RowsIn from(x), added = residual.has_value() ? RowsIn(*residual) : RowsIn();
  const RowsOut to(n.y);
  const bool converted = from.widened() || added.widened() || to.narrowed();
  const int64_t channels = x.size(-1);
  at::parallel_for(0, rows_of(x), kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> wide_x, wide_added, wide_y;
    in_blocks(converted, begin, end, channels, [&](int64_t first, int64_t rows) {
      applied.rows(from.read(first, rows, wide_x), added.read(first, rows, wide_added), to.begin(first, rows, wide_y), rows);
      to.written(first, rows, wide_y);
    });
  });
}

Normalised measure(const Tensor& x, const BatchNorm& norm) {
  const int64_t rows = rows_of(x), channels = x.size(-1);
  std::vector<Moments> parts(parts_of(rows), Moments(channels));
  if (norm.training) {
    const Span span("batch norm: sums");
    const RowsIn from(x);
    for_parts(rows, [&](int64_t part, int64_t first, int64_t last) {
      std::vector<float> wide;
      in_blocks(from.widened(), first, last, channels, [&](int64_t at, int64_t count) {
        parts[part].add(from.read(at, count, wide), count);
      });
    });
  }
  return statistics(parts, norm);
}

Normalised normalise(const Tensor& x, const BatchNorm& norm, const optional<Tensor>& residual, bool relu) {
  Normalised n = measure(x, norm);
  n.y = at::empty_like(x);
  apply_norm(x, residual, n, norm, relu);
  return n;
}

ChannelGradients::ChannelGradients(const RowsIn& dy, const Tensor& x, const NormalisedBy& norm)
    : gamma(at::empty_like(norm.gamma)),
      beta(at::empty_like(norm.gamma)),
      channels_(x.size(-1)),
      mask_(norm.mask),
      dy_(dy),
      x_(x),
      other_(norm.other.has_value() ? RowsIn(*norm.other) : RowsIn()),
      scale_(scale_of(norm.gamma, norm.inverse_deviation)),
      offset_(channels_, 0.f),
      slope_(channels_, 0.f),
      affine_{norm.mean.data_ptr<float>(), scale_.data(), norm.beta.data_ptr<float>()} {
  const Span span("batch norm: sums backward");
  const int64_t rows = rows_of(x);
  std::vector<std::vector<double>> sums(parts_of(rows)), products(sums.size());
  for_parts(rows, [&](int64_t part, int64_t first, int64_t last) {
    sums[part].assign(channels_, 0.0);
    products[part].assign(channels_, 0.0);
    std::vector<float> wide_dy, wide_x, wide_other;
    in_blocks(converted(), first, last, channels_, [&](int64_t at, int64_t count) {
      row_loops().add_gradient_sums(dy_.read(at, count, wide_dy), x_.read(at, count, wide_x),
                                    other_.read(at, count, wide_other), mask_, count, channels_, affine_,
                                    sums[part].data(), products[part].data());
    });
  });
  float *const dgamma = gamma.data_ptr<float>(), *const dbeta = beta.data_ptr<float>();
  const float* const deviation = norm.inverse_deviation.data_ptr<float>();
  for (int64_t j = 0; j < channels_; j++) {
    double sum = 0, product = 0;
    for (size_t part = 0; part < sums.size(); part++) {
      sum += sums[part][j];
      product += products[part][j];
    }
    dbeta[j] = sum;
    dgamma[j] = product * deviation[j];
    if (!norm.training) continue;  // the running statistics do not depend on x
    offset_[j] = sum / rows;
    slope_[j] = product * deviation[j] * deviation[j] / rows;
  }
}

bool ChannelGradients::converted() const { return dy_.widened() || x_.widened() || other_.widened(); }

void ChannelGradients::rows(int64_t first, int64_t rows, float* dx, float* masked, Wide& wide) const {
  row_loops().input_gradient(dy_.read(first, rows, wide.dy), x_.read(first, rows, wide.x),
                             other_.read(first, rows, wide.other), mask_, dx, masked, rows, channels_, affine_,
                             {offset_.data(), slope_.data()});
}

NormaliseGradients normalise_backward(const RowsIn& dy, const Tensor& x, const NormalisedBy& norm,
                                      const optional<Tensor>& masked, bool reuse_x) {
  const ChannelGradients channel(dy, x, norm);
  const Span span("batch norm: input gradient");
  const Tensor dx = reuse_x ? x : at::empty_like(x);
  const RowsOut to(dx), through = masked.has_value() ? RowsOut(*masked) : RowsOut();
  const bool converted = channel.converted() || to.narrowed() || through.narrowed();
  const int64_t channels = x.size(-1);
  at::parallel_for(0, rows_of(x), kGrain, [&](int64_t begin, int64_t end) {
    ChannelGradients::Wide wide;
    std::vector<float> wide_dx, wide_masked;
    in_blocks(converted, begin, end, channels, [&](int64_t first, int64_t rows) {
      channel.rows(first, rows, to.begin(first, rows, wide_dx), through.begin(first, rows, wide_masked), wide);
      to.written(first, rows, wide_dx);
      through.written(first, rows, wide_masked);
    });
  });
  return {dx, channel.gamma, channel.beta};
}

}  // namespace locallearn
