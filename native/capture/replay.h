// A captured step, made again.
#pragma once

#include "capture.h"

#include <functional>

namespace locallearn {

// A captured step and, while it is made again, its tensors by their slots.
struct Replay {
  CapturedStep step;
  std::vector<at::Tensor> tensors{};
  size_t next = 0;  // segment

  // Frees what segments have made for later ones.
  void abandon();

  // Makes what a segment did, up to what it hands out. `disposed` is told which of its inputs it disposes, by their place,
  // and `where` is what is being done.
  void run(const CapturedSegment& segment, const std::vector<CapturedArray>& arrays,
           const std::function<void(size_t)>& disposed, const char*& where);

  // What it hands out, after which comes what was freed before the next segment.
  std::vector<at::Tensor> hand_out(const CapturedSegment& segment);
};

// Whether two steps do the same, to the bit of every number.
bool same(const CapturedStep& a, const CapturedStep& b);

}  // namespace locallearn
