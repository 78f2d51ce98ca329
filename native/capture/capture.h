// A step that is captured: the calls that JavaScript makes in it, with what they read and free, to be made again from
// here. What stands between the captured parts of a step (segments: the updates) JavaScript does each time anew.
#pragma once

#include "../bridge/operators.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace locallearn {

struct Values;

// Bytes of an array that JavaScript hands in.
struct CapturedArray {
  const uint8_t* data;
  size_t bytes;
};

// An argument: a value, or tensors by their slots.
struct CapturedArgument {
  enum : uint8_t { Value, Tensor, Tensors } kind;
  c10::IValue value;
  std::vector<int32_t> slots;
};

// One thing that a step does. Tensors are numbers of slots.
struct CapturedEvent {
  enum Kind : uint8_t { Call, Upload, Free };
  explicit CapturedEvent(Kind what) : kind(what) {}
  Kind kind;
  // Call
  const Operator* op = nullptr;
  std::vector<CapturedArgument> arguments{};
  // Of a call its results, -1 for one left undefined; of an upload the tensor made; of a free the tensor.
  std::vector<int32_t> slots{};
  // Upload: of an array's bytes from an offset, or of bytes of its own.
  int32_t array = -1;
  size_t offset = 0, length = 0;
  std::vector<uint8_t> bytes{};
  std::vector<int64_t> shape{};
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  c10::Device device = c10::kCPU;
};

// What JavaScript hands in: tensors that a segment may dispose, that stay, and those that stay from step to step.
enum class HandedIn : uint8_t { Given, Kept, Variables };

// A tensor of these that a segment reads.
struct CapturedInput {
  HandedIn of;
  int32_t place, slot;
  std::vector<int64_t> sizes, strides;
  c10::ScalarType dtype;
  c10::Device device;
};

struct CapturedSegment {
  // Its events, and those after what it hands out, before the next segment.
  size_t first, closed, end;
  std::vector<CapturedInput> inputs{};
  std::vector<int32_t> outputs{};
};

struct CapturedStep {
  std::vector<CapturedEvent> events;
  std::vector<CapturedSegment> segments;
  std::vector<bool> retained;  // of each slot: whether a later segment reads what was handed out, or in
};

// A step that is being captured. Tensors are known by where their handles keep them.
class Capture {
 public:
  using Handle = const at::Tensor*;

  Capture();
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // An operator's arguments are converted, in their order; it is called; it has returned.
  void begin_arguments() { read_.clear(); }
  void reads(Handle handle) { read_.push_back(handle); }
  void begin_call(const Operator& op, const torch::jit::Stack& arguments);
  void end_call(const torch::jit::Stack& results);
  // Values go to the device.
  void upload(const Values& values, const std::vector<int64_t>& shape, c10::ScalarType dtype, c10::Device device);
  // A handle on what was called or uploaded last; one that is disposed, or that nobody had any more.
  void made(Handle handle);
  void disposed(Handle handle);
  void forgotten(Handle handle);
  // Its values come to JavaScript: what that does by them is not known.
  void read_back(Handle handle);
  // Something in the open segment cannot be made again.
  void refuse(const std::string& problem);

  void open(const std::vector<Handle>& given, const std::vector<Handle>& kept, const std::vector<Handle>& variables,
            std::vector<CapturedArray> arrays);
  void close(const std::vector<Handle>& outputs);
  // The step is over. Nothing that it has made may be left then, but for what it handed out where that `lives_on`.
  void end(bool lives_on);

  // The step, if it can be made again; empty otherwise, and `problem` says why not.
  CapturedStep step{};
  std::string problem{};

 private:
  struct Candidate {
    HandedIn of;
    int32_t place;
    bool shared;  // by several variables, of which one may get memory of its own
  };
  void offer(const std::vector<Handle>& handles, HandedIn of);
  void extend();  // the last segment, up to here
  void fail(const std::string& reason);
  int32_t slot_of(Handle handle);
  int32_t new_slot();

  bool open_ = false, calling_ = false;
  std::vector<Handle> read_{};
  std::vector<int32_t> awaited_{};  // slots of results that have no handle yet, the last one first
  std::unordered_map<Handle, int32_t> slots_{};
  std::unordered_map<Handle, int32_t> handed_{};  // what segments that are closed have handed out, or were handed
  std::unordered_set<Handle> outputs_{};  // of these those that segments have handed out
  std::unordered_map<Handle, Candidate> candidates_{};
  std::vector<Handle> inputs_{};  // that the open segment has slots for
  std::vector<CapturedArray> arrays_{};
};

// All that are under way: what JavaScript does is told to each.
extern std::vector<Capture*> captures;

}  // namespace locallearn
