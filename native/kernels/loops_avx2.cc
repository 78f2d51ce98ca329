#include "loops.h"

#ifdef LOCALLEARN_X86
#define LOCALLEARN_ISA_AVX2
#pragma GCC target("avx2,fma")
#include "entropy_loops.h"
#include "quad_loops.h"
#include "row_loops.h"
#include "tile_loops.h"

namespace locallearn::detail {
// 16 registers: 12 sums, two vectors of weights, one value.
const Tiles avx2_tiles{{{}, tile_set<Eight, 2, 6, 6>(), tile_set<Eight, 1, 12, 12>()},
                       quad_loops<Dense, Eight>(),
                       quad_loops<Strided, Eight>(),
                       quad_loops<Spread, Eight>(),
                       multiply_adds<Eight, 12>};
const RowLoops avx2_rows = row_loops<Eight>();
const EntropyLoops avx2_entropy = entropy_loops<Eight>();
}  // namespace locallearn::detail
#endif
