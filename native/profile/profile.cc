#include "profile.h"

#include "../bridge/errors.h"
#include "../memory/memory.h"

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace locallearn {

bool profiling = false;

namespace {

using Clock = std::chrono::steady_clock;

// All calls by one name under the same parent.
struct Node {
  std::string name;
  int64_t calls = 0;
  int64_t nanoseconds = 0;
  size_t allocated = 0;  // by all calls, whether freed again or not
  size_t peak = 0;       // the most that one call held beyond what was there
  std::vector<Node*> children{};
};

struct Open {
  Node* node;
  Clock::time_point start;
  size_t allocated, total_allocated, watermark;
};

// Convolutions of one shape, by libtorch's [n, c, h, w] and [out, in, h, w].
struct ConvolutionKey {
  std::vector<int64_t> x, filter, stride, padding;
  int64_t groups;
  std::vector<int64_t> resized_from{};

  bool operator<(const ConvolutionKey& other) const {
    return std::tie(x, filter, stride, padding, groups, resized_from) <
           std::tie(other.x, other.filter, other.stride, other.padding, other.groups, other.resized_from);
  }
};

struct ConvolutionCalls {
  int64_t forward = 0, backward_data = 0, backward_weights = 0;
};

struct Profile {
  std::deque<Node> nodes;
  std::vector<Node*> roots;
  std::vector<Open> open;
  std::map<ConvolutionKey, ConvolutionCalls> convolutions;
};

Profile* profile = nullptr;
at::CallbackHandle observer = 0;

void note_convolution(const at::RecordFunction& function) {
  const bool forward = std::strcmp(function.name(), "aten::convolution") == 0;
  if (!forward && std::strcmp(function.name(), "aten::convolution_backward") != 0) return;
  const auto& inputs = function.inputs();
  // (input, weight, bias, stride, padding, dilation, …) after a backward's gradient.
  const size_t first = forward ? 0 : 1;
  if (inputs.size() < (forward ? 9 : 11)) return;
  const ConvolutionKey key{inputs[first].toTensor().sizes().vec(), inputs[first + 1].toTensor().sizes().vec(),
                           inputs[first + 3].toIntVector(), inputs[first + 4].toIntVector(),
                           inputs[first + 8].toInt()};
  auto& calls = profile->convolutions[key];
  if (forward) {
    ++calls.forward;
    return;
  }
  const auto mask = inputs[10].toBoolList();
  calls.backward_data += mask.get(0);
  calls.backward_weights += mask.get(1);
}

std::unique_ptr<at::ObserverContext> operator_starts(const at::RecordFunction& function) {
  begin_span(function.name());
  note_convolution(function);
  return nullptr;
}

void operator_ends(const at::RecordFunction&, at::ObserverContext*) { end_span(); }

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  check(env, napi_create_double(env, value, &result));
  return result;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}

template <typename Items, typename Convert>
napi_value array(napi_env env, const Items& items, Convert&& convert) {
  napi_value list = nullptr;
  check(env, napi_create_array(env, &list));
  uint32_t length = 0;
  for (const auto& item : items) {
    if (const napi_value value = convert(item)) check(env, napi_set_element(env, list, length++, value));
  }
  return list;
}

// Null for a call that did not end: that of `stopProfile` itself.
napi_value to_javascript(napi_env env, const Node& node) {
  if (node.calls == 0) return nullptr;
  napi_value object = nullptr, name = nullptr;
  check(env, napi_create_object(env, &object));
  check(env, napi_create_string_utf8(env, node.name.data(), node.name.size(), &name));
  set(env, object, "name", name);
  set(env, object, "calls", number(env, static_cast<double>(node.calls)));
  set(env, object, "milliseconds", number(env, static_cast<double>(node.nanoseconds) / 1e6));
  set(env, object, "allocatedBytes", number(env, static_cast<double>(node.allocated)));
  set(env, object, "peakBytes", number(env, static_cast<double>(node.peak)));
  set(env, object, "inside", array(env, node.children, [&](Node* child) { return to_javascript(env, *child); }));
  return object;
}

napi_value integers(napi_env env, const std::vector<int64_t>& values) {
  return array(env, values, [&](int64_t value) { return number(env, static_cast<double>(value)); });
}

napi_value to_javascript(napi_env env, const std::pair<const ConvolutionKey, ConvolutionCalls>& entry) {
  const auto& [key, calls] = entry;
  napi_value object = nullptr;
  check(env, napi_create_object(env, &object));
  set(env, object, "input", integers(env, key.x));
  set(env, object, "filter", integers(env, key.filter));
  set(env, object, "stride", integers(env, key.stride));
  set(env, object, "padding", integers(env, key.padding));
  set(env, object, "groups", number(env, static_cast<double>(key.groups)));
  set(env, object, "resizedFrom", integers(env, key.resized_from));
  set(env, object, "forward", number(env, static_cast<double>(calls.forward)));
  set(env, object, "backwardData", number(env, static_cast<double>(calls.backward_data)));
  set(env, object, "backwardWeights", number(env, static_cast<double>(calls.backward_weights)));
  return object;
}

void drop_profile() {
  profiling = false;
  if (observer) at::removeCallback(observer);
  observer = 0;
  delete profile;
  profile = nullptr;
}

}  // namespace

void note_convolution(const ConvolutionRun& run) {
  auto& calls = profile->convolutions[{run.x, run.filter, {run.stride, run.stride}, {run.padding, run.padding}, 1,
                                      run.resized_from}];
  calls.forward += run.forward;
  calls.backward_data += run.backward_data;
  calls.backward_weights += run.backward_weights;
}

void begin_span(const char* name) {
  auto& siblings = profile->open.empty() ? profile->roots : profile->open.back().node->children;
  auto found = std::find_if(siblings.begin(), siblings.end(), [&](const Node* node) { return node->name == name; });
  if (found == siblings.end()) {
    profile->nodes.push_back({name});
    found = siblings.insert(found, &profile->nodes.back());
  }
  const size_t watermark = restart_cpu_watermark();
  const auto memory = cpu_memory_statistics();
  profile->open.push_back({*found, Clock::now(), memory.allocated, memory.total_allocated, watermark});
}

void end_span() noexcept {
  // The profile began or ended within this span.
  if (!profile || profile->open.empty()) return;
  const auto now = Clock::now();
  const Open open = profile->open.back();
  profile->open.pop_back();
  const auto memory = cpu_memory_statistics();
  raise_cpu_watermark(open.watermark);
  Node& node = *open.node;
  ++node.calls;
  node.nanoseconds += std::chrono::duration_cast<std::chrono::nanoseconds>(now - open.start).count();
  node.allocated += memory.total_allocated - open.total_allocated;
  node.peak = std::max(node.peak, memory.watermark - open.allocated);
}

napi_value start_profile(napi_env env, napi_callback_info) {
  return guarded(env, "startProfile", [&](const char*&) -> napi_value {
    if (profile) throw std::runtime_error("a profile is being taken already");
    profile = new Profile;
    observer =
        at::addThreadLocalCallback(at::RecordFunctionCallback(operator_starts, operator_ends).needsInputs(true));
    profiling = true;
    return nullptr;
  });
}

napi_value stop_profile(napi_env env, napi_callback_info) {
  return guarded(env, "stopProfile", [&](const char*&) {
    if (!profile) throw std::runtime_error("no profile is being taken");
    profiling = false;
    napi_value result = nullptr;
    check(env, napi_create_object(env, &result));
    const auto convert = [&](const auto& item) { return to_javascript(env, item); };
    set(env, result, "calls",
        array(env, profile->roots, [&](Node* node) { return to_javascript(env, *node); }));
    set(env, result, "convolutions", array(env, profile->convolutions, convert));
    drop_profile();
    return result;
  });
}

}  // namespace locallearn
