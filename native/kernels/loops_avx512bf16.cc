#include "loops.h"

#ifdef LOCALLEARN_X86_BF16
#define LOCALLEARN_ISA_AVX512
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512vl,avx512bf16")
#include "pair_loops.h"

namespace locallearn::detail {
const PairTiles avx512bf16_pairs{{tile_set<Sixteen, 2, 12, 12, Pairs>(), tile_set<Sixteen, 1, 12, 16, Pairs>(),
                                  tile_set<Eight, 1, 12, 16, Pairs>()},
                                 paired_quads<Dense, Sixteen>(),
                                 paired_quads<Strided, Sixteen>(),
                                 paired_quads<Spread, Sixteen>(),
                                 pair<Sixteen>};
}  // namespace locallearn::detail
#endif
