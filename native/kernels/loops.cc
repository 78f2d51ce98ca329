#include "loops.h"

#include "entropy_loops.h"
#include "row_loops.h"

namespace locallearn {
namespace {

enum class Isa { kPlain, kAvx2, kAvx512 };

Isa best_isa() {
#ifdef LOCALLEARN_X86
  if (__builtin_cpu_supports("avx512f")) return Isa::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kPlain;
}

const Isa isa = best_isa();

}  // namespace

const RowLoops detail::plain_rows = row_loops<Four>();
const EntropyLoops detail::plain_entropy = entropy_loops<Four>();

#ifdef LOCALLEARN_X86_BF16
const PairTiles* pair_tiles() {
  static const bool can = isa == Isa::kAvx512 && __builtin_cpu_supports("avx512bf16") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return can ? &detail::avx512bf16_pairs : nullptr;
}
#else
const PairTiles* pair_tiles() { return nullptr; }
#endif

#ifdef LOCALLEARN_X86
const Tiles* tiles() {
  return isa == Isa::kAvx512 ? &detail::avx512_tiles : isa == Isa::kAvx2 ? &detail::avx2_tiles : nullptr;
}
const RowLoops& row_loops() {
  return isa == Isa::kAvx512 ? detail::avx512_rows : isa == Isa::kAvx2 ? detail::avx2_rows : detail::plain_rows;
}
const EntropyLoops& entropy_loops() {
  return isa == Isa::kAvx512 ? detail::avx512_entropy : isa == Isa::kAvx2 ? detail::avx2_entropy : detail::plain_entropy;
}
#else
const Tiles* tiles() { return nullptr; }
const RowLoops& row_loops() { return detail::plain_rows; }
const EntropyLoops& entropy_loops() { return detail::plain_entropy; }
#endif

}  // namespace locallearn
