// The innermost loops, of which the best that this processor can run is chosen when the addon loads.
#pragma once

#include "entropy.h"
#include "rows.h"
#include "tiles.h"

// Where the compiler can be asked for an instruction set file by file.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define LOCALLEARN_X86
// AVX512_BF16 among these.
#if __GNUC__ >= 10
#define LOCALLEARN_X86_BF16
#endif
#endif

namespace locallearn::detail {

extern const Tiles avx2_tiles, avx512_tiles;
extern const PairTiles avx512bf16_pairs;
extern const RowLoops avx2_rows, avx512_rows, plain_rows;
extern const EntropyLoops avx2_entropy, avx512_entropy, plain_entropy;

}  // namespace locallearn::detail
