// What batch normalisation, resizing and bfloat16 do to rows of channels, `[rows, channels]`, contiguous float32. Batch
// normalisation takes one pass for the statistics and one for the result, in both directions. At most 64 rows are summed in
// float32, everything above in float64.
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

// A position between two rows or pixels: first·(1 − share) + second·share.
struct Between {
  int64_t first, second;
  float share;
};

// Floats that are `from` floats behind the first are multiplied by the weight, and a sum's next `terms` of these, added up, are
// put `to` floats behind the first result.
struct Weighted {
  int64_t from;
  float weight;
};
struct WeightedSum {
  int64_t to, terms;
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
  // What resizing does (resize.h). y = first·(1 − share) + second·share.
  void (*blend)(const float* first, const float* second, float share, int64_t count, float* y);
  // The same of two pixels of x for each of y.
  void (*blend_pixels)(const float* x, const Between* pixels, int64_t width, int64_t channels, float* y);
  // Their gradients: adds each pixel of d to the two of dx that it was made of.
  void (*add_to_pixels)(const float* d, const Between* pixels, int64_t width, int64_t channels, float* dx);
  // y += x·factor.
  void (*add_scaled)(const float* x, float factor, int64_t count, float* y);
  // `count` sums of so many floats; the sum of no terms is 0.
  void (*add_up)(const float* x, const WeightedSum* sums, int64_t count, const Weighted* terms, int64_t floats, float* y);
  // bfloat16, the upper half of a float32, to float32 and back: to the nearest, ties to even; NaN stays NaN.
  void (*widen)(const uint16_t* x, int64_t count, float* y);
  void (*narrow)(const float* x, int64_t count, uint16_t* y);
};

// The best that this processor can run.
const RowLoops& row_loops();

}  // namespace locallearn
