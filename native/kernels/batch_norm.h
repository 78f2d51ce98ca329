// Batch normalisation over the last axis of contiguous CPU tensors, with ReLU and residual folded in. Maps are float32 or
// bfloat16, each for itself; statistics, parameters and all that is computed are float32. Its
// parts are here too, for whoever has the rows in hand anyway (layers/conv_norm.cc).
#pragma once

#include "map_rows.h"
#include "optional.h"
#include "rows.h"

#include <ATen/ATen.h>

#include <vector>

namespace locallearn {

struct BatchNorm {
  const at::Tensor &gamma, &beta, &running_mean, &running_variance;
  bool training;
  double momentum, epsilon;
};

struct Normalised {
  at::Tensor y, mean, inverse_deviation;
};

struct NormaliseGradients {
  at::Tensor x, gamma, beta;
};

// y = (x − mean)·γ/σ + β, then + residual, then ReLU. x and residual are [rows…, channels], y is of x's type; running
// statistics are updated in training mode (unbiased variance).
Normalised normalise(const at::Tensor& x, const BatchNorm& norm, const optional<at::Tensor>& residual, bool relu);

// Its statistics alone, with which running ones are updated; `y` is left undefined.
Normalised measure(const at::Tensor& x, const BatchNorm& norm);

// What the forward pass left, and the ReLU behind it.
struct NormalisedBy {
  const at::Tensor &gamma, &beta, &mean, &inverse_deviation;
  bool training;
  Mask mask;
  const optional<at::Tensor>& other;  // contiguous: the output with kOutput, the residual with kSum
};

// dx is of x's type, and with `reuse_x` takes its memory; `masked`, where given, receives dy times the mask, and may be dy.
NormaliseGradients normalise_backward(const RowsIn& dy, const at::Tensor& x, const NormalisedBy& norm,
                                      const optional<at::Tensor>& masked, bool reuse_x);

// Sums of some rows, about the first of them.
class Moments {
 public:
  explicit Moments(int64_t channels) : sum_(channels, 0.0), square_(channels, 0.0) {}
  void add(const float* x, int64_t rows);

 private:
  friend Normalised statistics(const std::vector<Moments>&, const BatchNorm&);
  int64_t count_ = 0;
  std::vector<float> origin_;
  std::vector<double> sum_, square_;
};

// Mean and inverse deviation of all the rows (running ones if not training); updates the running statistics. `y` is
// left undefined.
Normalised statistics(const std::vector<Moments>& parts, const BatchNorm& norm);

// γ/σ.
std::vector<float> scale_of(const at::Tensor& gamma, const at::Tensor& inverse_deviation);

// y from x, both float32, with what is known of the channels: rows at a time, whose y may lie where x lies.
class AppliedNorm {
 public:
  AppliedNorm(const Normalised& n, const BatchNorm& norm, bool relu);
  AppliedNorm(const AppliedNorm&) = delete;
  // `residual`, which may be null, is added before the ReLU.
  void rows(const float* x, const float* residual, float* y, int64_t rows) const;

 private:
  std::vector<float> scale_;
  Affine affine_;
  bool relu_;
};

// y from x and its statistics, on all threads; y may be x.
void apply_norm(const at::Tensor& x, const optional<at::Tensor>& residual, const Normalised& n, const BatchNorm& norm,
                bool relu);

// All that the rows' gradients need of the channels: made of two sums over all rows.
class ChannelGradients {
 public:
  ChannelGradients(const RowsIn& dy, const at::Tensor& x, const NormalisedBy& norm);
  ChannelGradients(const ChannelGradients&) = delete;
  // Room for rows that are widened.
  struct Wide {
    std::vector<float> dy, x, other;
  };
  // Of `rows` rows that begin at row `first` of dy and x.
  void rows(int64_t first, int64_t rows, float* dx, float* masked, Wide& wide) const;
  // Whether any of what it reads is bfloat16.
  bool converted() const;
  at::Tensor gamma, beta;

 private:
  int64_t channels_;
  Mask mask_;
  RowsIn dy_, x_, other_;
  std::vector<float> scale_, offset_, slope_;
  Affine affine_;
};

}  // namespace locallearn
