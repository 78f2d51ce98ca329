// Binary cross-entropy of logits, float32, in one pass of vectors.
#pragma once

#include <cstdint>

namespace locallearn {

struct EntropyLoops {
  // Σ max(x, 0) − x·t + log(1 + exp(−|x|)), which overflows at neither end. NaN stays NaN.
  double (*sum)(const float* x, const float* t, int64_t count);
  // x = (sigmoid(x) − t)·factor. NaN stays NaN.
  void (*gradient)(float* x, const float* t, float factor, int64_t count);
};

// The best that this processor can run.
const EntropyLoops& entropy_loops();

}  // namespace locallearn
