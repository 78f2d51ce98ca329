// What layers ask of the maps that they read.
#pragma once

#include "../kernels/map_rows.h"
#include "../kernels/optional.h"
#include "../kernels/resize.h"

#include <ATen/ATen.h>

#include <vector>

namespace locallearn {

inline optional<at::Tensor> contiguous(const optional<at::Tensor>& x) {
  return x.has_value() ? optional<at::Tensor>(x->contiguous()) : optional<at::Tensor>();
}

// The shape of the map that a convolution reads: x's, or where `resized` is not empty one of that height and width.
inline std::vector<int64_t> read_shape(at::IntArrayRef x, at::IntArrayRef resized) {
  if (resized.empty()) return x.vec();
  return {x[0], resized[0], resized[1], x[3]};
}

// For our own.
inline optional<Resize> resize_of(at::IntArrayRef x, at::IntArrayRef resized) {
  if (resized.empty()) return {};
  return Resize({x[1], x[2]}, {resized[0], resized[1]}, x[3]);
}

inline const Resize* pointer(const optional<Resize>& resize) { return resize.has_value() ? &*resize : nullptr; }

// Our own convolutions serve contiguous float32 on the CPU, batch normalisation bfloat16 too, which is all that the CPU
// engine makes; libtorch's the rest.
inline bool floats_on_cpu(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }
inline bool on_cpu(const at::Tensor& x) { return x.is_cpu() && (x.scalar_type() == at::kFloat || is_short(x)); }

}  // namespace locallearn
