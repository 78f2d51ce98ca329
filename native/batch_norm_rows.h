// What batch normalisation does to rows of channels, `[rows, channels]`, contiguous float32: one pass for the statistics
// and one for the result, in both directions. At most 64 rows are summed in float32, everything above in float64.
#pragma once

#include <cstdint>

namespace locallearn {

// Of each channel: y = (x − mean)·scale + shift.
struct Affine {
  const float *mean, *scale, *shift;
};

// Where a ReLU followed, its gradient passes where its output y was above 0, or, if no residual was added before it,
// where the normalised value is.
enum class Mask { kNone, kOutput, kNorm };

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
  // Adds the sums of g and of g·(x − mean).
  void (*add_gradient_sums)(const float* dy, const float* x, const float* y, Mask mask, int64_t rows, int64_t channels,
                            const Affine& affine, double* sum, double* product);
  // Writes dx, and g to `masked` where given.
  void (*input_gradient)(const float* dy, const float* x, const float* y, Mask mask, float* dx, float* masked,
                         int64_t rows, int64_t channels, const Affine& affine, const Correction& correction);
};

// The best that this processor can run.
const RowLoops& row_loops();

}  // namespace locallearn
