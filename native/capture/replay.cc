#include "replay.h"

#include "../bridge/errors.h"
#include "../bridge/transfer.h"

#include <ATen/core/List.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>

namespace locallearn {
namespace {

// To the bit: a NaN is the same as itself, and 0 is not −0.
bool same(const c10::IValue& a, const c10::IValue& b) {
  if (!a.isDouble() || !b.isDouble()) return a == b;
  const double x = a.toDouble(), y = b.toDouble();
  return std::memcmp(&x, &y, sizeof x) == 0;
}

bool same(const CapturedArgument& a, const CapturedArgument& b) {
  return a.kind == b.kind && a.slots == b.slots && same(a.value, b.value);
}

bool same(const CapturedEvent& a, const CapturedEvent& b) {
  return a.kind == b.kind && a.op == b.op && a.slots == b.slots && a.array == b.array && a.offset == b.offset &&
         a.length == b.length && a.bytes == b.bytes && a.shape == b.shape && a.dtype == b.dtype &&
         a.device == b.device &&
         std::equal(a.arguments.begin(), a.arguments.end(), b.arguments.begin(), b.arguments.end(),
                    [](const auto& x, const auto& y) { return same(x, y); });
}

bool same(const CapturedInput& a, const CapturedInput& b) {
  return a.of == b.of && a.place == b.place && a.slot == b.slot && a.sizes == b.sizes && a.strides == b.strides &&
         a.dtype == b.dtype && a.device == b.device;
}

bool same(const CapturedSegment& a, const CapturedSegment& b);

template <typename Part>
bool same(const std::vector<Part>& a, const std::vector<Part>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Part& x, const Part& y) { return same(x, y); });
}

bool same(const CapturedSegment& a, const CapturedSegment& b) {
  return a.first == b.first && a.closed == b.closed && a.end == b.end && a.outputs == b.outputs && same(a.inputs, b.inputs);
}

const at::Tensor& made(const std::vector<at::Tensor>& tensors, int32_t slot) {
  if (!tensors[slot].defined()) throw std::logic_error("a tensor of the step is gone");
  return tensors[slot];
}

void call(const CapturedEvent& event, std::vector<at::Tensor>& tensors) {
  torch::jit::Stack stack;
  stack.reserve(event.arguments.size());
  for (const auto& argument : event.arguments) {
    switch (argument.kind) {
      case CapturedArgument::Value: stack.push_back(argument.value); break;
      case CapturedArgument::Tensor: stack.emplace_back(made(tensors, argument.slots.front())); break;
      case CapturedArgument::Tensors: {
        c10::List<at::Tensor> list;
        list.reserve(argument.slots.size());
        for (const int32_t slot : argument.slots) list.push_back(made(tensors, slot));
        stack.emplace_back(std::move(list));
        break;
      }
    }
  }
  const Span span(event.op->name.c_str());
  // Shapes are those of the captured call, but values are not.
  const auto precondition = event.op->precondition;
  if (precondition && precondition != check_layer) precondition(event.op->handle.schema(), stack);
  event.op->handle.callBoxed(&stack);
  for (size_t i = 0; i < event.slots.size(); ++i) {
    if (event.slots[i] >= 0) tensors[event.slots[i]] = std::move(stack[i]).toTensor();
  }
}

}  // namespace

bool same(const CapturedStep& a, const CapturedStep& b) {
  return a.retained == b.retained && same(a.events, b.events) && same(a.segments, b.segments);
}

void Replay::abandon() {
  tensors.assign(step.retained.size(), at::Tensor());
  next = 0;
}

void Replay::run(const CapturedSegment& segment, const std::vector<CapturedArray>& arrays,
                 const std::function<void(size_t)>& disposed, const char*& where) {
  const c10::InferenceMode inference;
  for (size_t i = segment.first; i < segment.closed; ++i) {
    const auto& event = step.events[i];
    switch (event.kind) {
      case CapturedEvent::Call:
        where = event.op->name.c_str();
        call(event, tensors);
        break;
      case CapturedEvent::Upload: {
        where = "fromTypedArray";
        const uint8_t* data = event.bytes.data();
        if (event.array >= 0) {
          const auto& array = arrays.at(event.array);
          if (event.offset + event.length * c10::elementSize(event.dtype) > array.bytes) {
            throw UsageError("an array is shorter than the one captured");
          }
          data = array.data + event.offset;
        }
        tensors[event.slots.front()] = upload({data, event.length}, event.shape, event.dtype, event.device);
        break;
      }
      case CapturedEvent::Free: {
        const int32_t slot = event.slots.front();
        tensors[slot].reset();
        for (size_t k = 0; k < segment.inputs.size(); ++k) {
          if (segment.inputs[k].slot == slot) disposed(k);
        }
        break;
      }
    }
  }
}

std::vector<at::Tensor> Replay::hand_out(const CapturedSegment& segment) {
  const auto release = [&](int32_t slot) {
    if (!step.retained[slot]) tensors[slot].reset();
  };
  for (const auto& input : segment.inputs) release(input.slot);
  std::vector<at::Tensor> outputs;
  for (const int32_t slot : segment.outputs) {
    outputs.push_back(made(tensors, slot));
    release(slot);
  }
  for (size_t i = segment.closed; i < segment.end; ++i) tensors[step.events[i].slots.front()].reset();
  if (++next == step.segments.size()) abandon();
  return outputs;
}

}  // namespace locallearn
