#include "loops.h"

#ifdef LOCALLEARN_X86
#define LOCALLEARN_ISA_AVX512
#pragma GCC target("avx2,fma,avx512f")
#include "entropy_loops.h"
#include "quad_loops.h"
#include "row_loops.h"
#include "tile_loops.h"

namespace locallearn::detail {
// 32 registers: up to 24 sums, two vectors of weights, one value.
const Tiles avx512_tiles{{tile_set<Sixteen, 2, 12, 12>(), tile_set<Sixteen, 1, 12, 16>(), tile_set<Eight, 1, 12, 16>()},
                         quad_loops<Dense, Sixteen>(), quad_loops<Strided, Sixteen>(), quad_loops<Spread, Sixteen>(),
                         multiply_adds<Sixteen, 12>};
const RowLoops avx512_rows = row_loops<Sixteen>();
const EntropyLoops avx512_entropy = entropy_loops<Sixteen>();
}  // namespace locallearn::detail
#endif
