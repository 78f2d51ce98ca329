// What batch normalisation does to rows of channels, `[rows, channels]`, contiguous float32: one pass for the statistics
// and one for the result, in both directions. At most 64 rows are summed in float32, everything above in float64.
#pragma once

#include <cstdint>

namespace locallearn {

// Of each channel: y = (x − mean)·scale + shift.
struct Affine {
  const float *mean, *scale, *shift;
};

// Where a ReLU followed, its gradient passes where its output was above 0: read off that output, or found anew as the
// normalised value, plus the residual if one was added before the ReLU.
enum class Mask { kNone, kOutput, kNorm, kSum };

// Of each channel: dx = scale·(g − offset − slope·(x − mean)), g being dy through the mask.
struct Correction {
  const float *offset, *slope;
};

struct RowLoops {
  // Adds the sums of x − origin and of its square.
  void (*add_moments)(const float* x, int64_t rows, int64_t channels, const float* origin, double* sum, double* square);
  // y = (x − mean)·scale + shift, then + residual where given, then ReLU where asked. NaN stays NaN.
  void (*apply_affine)(const float* x, const float* residual, float* y, int64_t rows, int64_t channels,
                       const Affine& affine, bool relu);
  // Adds the sums of g and of g·(x − mean). `other` is the output with kOutput, the residual with kSum.
  void (*add_gradient_sums)(const float* dy, const float* x, const float* other, Mask mask, int64_t rows, int64_t channels,
                            const Affine& affine, double* sum, double* product);
  // Writes dx, and g to `masked` where given.
  void (*input_gradient)(const float* dy, const float* x, const float* other, Mask mask, float* dx, float* masked,
                         int64_t rows, int64_t channels, const Affine& affine, const Correction& correction);
};

// The best that this processor can run.
const RowLoops& row_loops();

}  // namespace locallearn
