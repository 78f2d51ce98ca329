// Images from the bytes that they are stored as.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>

namespace locallearn {
namespace {

using at::Tensor;

constexpr int64_t kGrain = 4096;  // pixels

// bytes [..., channels], table [256 · channels]: what stands for each byte in each channel. → float32 of the bytes' shape
Tensor from_bytes(const Tensor& bytes, const Tensor& table) {
  TORCH_CHECK(bytes.scalar_type() == at::kByte && bytes.dim() > 0 && bytes.is_contiguous(), "bytes must be uint8");
  const int64_t channels = bytes.size(-1);
  TORCH_CHECK(table.scalar_type() == at::kFloat && table.dim() == 1 && table.is_contiguous() &&
                  table.numel() == 256 * channels && table.device() == bytes.device(),
              "a table of 256 float32 for each of ", channels, " channels beside the bytes, not of shape ",
              table.sizes());
  if (!bytes.is_cpu()) {
    const Tensor channel = at::arange(channels, bytes.options().dtype(at::kLong));
    return table.take(bytes.to(at::kLong).mul_(channels).add_(channel));
  }
  const Tensor result = at::empty(bytes.sizes(), table.options());
  const uint8_t* from = bytes.data_ptr<uint8_t>();
  const float* const of = table.data_ptr<float>();
  float* to = result.data_ptr<float>();
  const int64_t pixels = bytes.numel() / std::max<int64_t>(channels, 1);
  at::parallel_for(0, pixels, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      for (int64_t c = 0; c < channels; c++) to[i * channels + c] = of[from[i * channels + c] * channels + c];
  });
  return result;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(locallearn, library) {
  library.def("from_bytes(Tensor bytes, Tensor table) -> Tensor", from_bytes);
}

}  // namespace locallearn
