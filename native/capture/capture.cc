#include "capture.h"

#include "../bridge/errors.h"
#include "../bridge/transfer.h"

#include <algorithm>

namespace locallearn {

std::vector<Capture*> captures;

Capture::Capture() { captures.push_back(this); }

Capture::~Capture() { captures.erase(std::find(captures.begin(), captures.end(), this)); }

void Capture::fail(const std::string& reason) {
  if (problem.empty()) problem = reason;
}

void Capture::refuse(const std::string& reason) {
  if (open_) fail(reason);
}

void Capture::read_back(Handle handle) {
  if (open_ || slots_.count(handle)) fail("an update reads values back");
}

int32_t Capture::new_slot() {
  step.retained.push_back(false);
  return static_cast<int32_t>(step.retained.size()) - 1;
}

// -1 for a tensor that is not known.
int32_t Capture::slot_of(Handle handle) {
  if (const auto known = slots_.find(handle); known != slots_.end()) return known->second;
  const auto found = candidates_.find(handle);
  if (found == candidates_.end()) {
    const auto handed = handed_.find(handle);
    if (handed == handed_.end()) return -1;
    step.retained[handed->second] = true;
    return handed->second;
  }
  const auto [of, place, shared] = found->second;
  if (shared) fail("variables share their memory");
  const int32_t slot = new_slot();
  step.segments.back().inputs.push_back(
      {of, place, slot, handle->sizes().vec(), handle->strides().vec(), handle->scalar_type(), handle->device()});
  slots_.emplace(handle, slot);
  inputs_.push_back(handle);
  return slot;
}

void Capture::begin_call(const Operator& op, const torch::jit::Stack& arguments) {
  std::vector<Handle> handles;
  handles.swap(read_);
  if (!open_) {
    for (const Handle handle : handles) {
      // What was handed out is JavaScript's.
      if (slots_.count(handle)) fail(op.name + " reads between updates what one has made");
    }
    return;
  }
  if (calling_) refuse("a call failed");
  calling_ = true;
  CapturedEvent event{CapturedEvent::Call};
  event.op = &op;
  size_t next = 0;
  const auto take = [&]() -> int32_t {
    const int32_t slot = next < handles.size() ? slot_of(handles[next++]) : -1;
    if (slot < 0) refuse(op.name + " reads a tensor from before the step");
    return slot;
  };
  for (const auto& argument : arguments) {
    if (argument.isTensor() && argument.toTensor().defined()) {
      event.arguments.push_back({CapturedArgument::Tensor, {}, {take()}});
    } else if (argument.isTensorList()) {
      CapturedArgument list{CapturedArgument::Tensors, {}, {}};
      for (size_t i = 0; i < argument.toTensorList().size(); ++i) list.slots.push_back(take());
      event.arguments.push_back(std::move(list));
    } else {
      event.arguments.push_back({CapturedArgument::Value, argument, {}});
    }
  }
  step.events.push_back(std::move(event));
}

void Capture::end_call(const torch::jit::Stack& results) {
  awaited_.clear();
  if (!open_) return;
  calling_ = false;
  auto& event = step.events.back();
  for (const auto& result : results) {
    event.slots.push_back(result.isTensor() && result.toTensor().defined() ? new_slot() : -1);
  }
  for (auto slot = event.slots.rbegin(); slot != event.slots.rend(); ++slot) {
    if (*slot >= 0) awaited_.push_back(*slot);
  }
}

void Capture::upload(const Values& values, const std::vector<int64_t>& shape, c10::ScalarType dtype,
                     c10::Device device) {
  awaited_.clear();
  if (!open_) return;
  const size_t bytes = values.length * c10::elementSize(dtype);
  CapturedEvent event{CapturedEvent::Upload};
  event.slots = {new_slot()};
  event.shape = shape;
  event.dtype = dtype;
  event.device = device;
  event.length = values.length;
  const auto* const from = static_cast<const uint8_t*>(values.data);
  for (size_t i = 0; i < arrays_.size() && bytes > 0; ++i) {
    const auto& [data, size] = arrays_[i];
    if (from < data || from + bytes > data + size) continue;
    event.array = static_cast<int32_t>(i);
    event.offset = static_cast<size_t>(from - data);
  }
  if (event.array < 0 && bytes > 0) event.bytes.assign(from, from + bytes);
  awaited_ = event.slots;
  step.events.push_back(std::move(event));
}

void Capture::made(Handle handle) {
  if (awaited_.empty()) return;
  slots_[handle] = awaited_.back();
  awaited_.pop_back();
}

void Capture::disposed(Handle handle) {
  const auto free = [&](int32_t slot) {
    CapturedEvent event{CapturedEvent::Free};
    event.slots = {slot};
    step.events.push_back(std::move(event));
  };
  if (const auto handed = handed_.find(handle); handed != handed_.end()) free(handed->second);
  const auto candidate = candidates_.find(handle);
  if (candidate != candidates_.end() && candidate->second.of != HandedIn::Given) {
    refuse("an update disposes what it was not given, or gives a variable other memory");
  }
  if (candidate != candidates_.end() || slots_.count(handle)) free(slot_of(handle));
  forgotten(handle);
}

void Capture::forgotten(Handle handle) {
  slots_.erase(handle);
  handed_.erase(handle);
  outputs_.erase(handle);
  candidates_.erase(handle);
  inputs_.erase(std::remove(inputs_.begin(), inputs_.end(), handle), inputs_.end());
}

void Capture::offer(const std::vector<Handle>& handles, HandedIn of) {
  for (size_t i = 0; i < handles.size(); ++i) {
    if (!handles[i]) continue;
    const auto [known, fresh] = candidates_.emplace(handles[i], Candidate{of, static_cast<int32_t>(i), false});
    if (!fresh && of == HandedIn::Variables) known->second.shared = true;
  }
}

void Capture::open(const std::vector<Handle>& given, const std::vector<Handle>& kept,
                   const std::vector<Handle>& variables, std::vector<CapturedArray> arrays) {
  if (open_) throw UsageError("a segment is open already");
  extend();
  const size_t at = step.events.size();
  step.segments.push_back({at, at, at});
  open_ = true;
  calling_ = false;
  candidates_.clear();
  offer(given, HandedIn::Given);
  offer(kept, HandedIn::Kept);
  offer(variables, HandedIn::Variables);
  arrays_ = std::move(arrays);
}

void Capture::close(const std::vector<Handle>& outputs) {
  if (!open_) throw UsageError("no segment is open");
  const auto hand = [&](std::unordered_map<Handle, int32_t>::iterator known) {
    handed_[known->first] = known->second;
    slots_.erase(known);
  };
  for (const Handle handle : outputs) {
    const auto known = slots_.find(handle);
    if (known == slots_.end() || std::find(inputs_.begin(), inputs_.end(), handle) != inputs_.end()) {
      refuse("an update hands out a tensor that it has not made");
      continue;
    }
    step.segments.back().outputs.push_back(known->second);
    outputs_.insert(handle);
    hand(known);
  }
  for (const Handle handle : inputs_) {
    const auto known = slots_.find(handle);
    if (candidates_.at(handle).of == HandedIn::Variables) slots_.erase(known);
    else hand(known);
  }
  inputs_.clear();
  candidates_.clear();
  step.segments.back().closed = step.events.size();
  open_ = false;
}

void Capture::extend() {
  if (!step.segments.empty()) step.segments.back().end = step.events.size();
}

void Capture::end(bool lives_on) {
  extend();
  if (!slots_.empty() || (!lives_on && !outputs_.empty())) fail("an update keeps a tensor beyond its step");
}

}  // namespace locallearn
