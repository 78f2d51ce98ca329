// `Native.capture`: capturing a step, and making it again.
#include "functions.h"

#include "../bridge/arguments.h"
#include "../bridge/errors.h"
#include "../bridge/tensor.h"
#include "replay.h"

#include <memory>

namespace locallearn {
namespace {

constexpr napi_type_tag kCaptureTag = {0x71c25be09a3f48d6ULL, 0x8ad94e3716c05fb2ULL};
constexpr napi_type_tag kStepTag = {0x3d0f6a1be27c4985ULL, 0xb46e91c5027fa8d3ULL};

template <size_t most>
struct Arguments {
  napi_value values[most]{};
  Arguments(napi_env env, napi_callback_info info) {
    size_t count = most;
    check(env, napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
  }
};

std::vector<napi_value> elements(napi_env env, napi_value array) {
  bool is_array = false;
  check(env, napi_is_array(env, array, &is_array));
  if (!is_array) throw Mismatch{"", "must be an array, got " + describe(env, array)};
  uint32_t length = 0;
  check(env, napi_get_array_length(env, array, &length));
  std::vector<napi_value> found;
  for (uint32_t i = 0; i < length; ++i) check(env, napi_get_element(env, array, i, &found.emplace_back()));
  return found;
}

std::vector<const at::Tensor*> handles(napi_env env, napi_value array) {
  std::vector<const at::Tensor*> found;
  for (const napi_value value : elements(env, array)) found.push_back(&unwrap_tensor(env, value));
  return found;
}

std::vector<CapturedArray> arrays_of(napi_env env, napi_value array) {
  std::vector<CapturedArray> found;
  for (const napi_value value : elements(env, array)) {
    bool typed = false;
    check(env, napi_is_typedarray(env, value, &typed));
    if (!typed) throw Mismatch{"", "must be typed arrays, got " + describe(env, value)};
    napi_typedarray_type type{};
    size_t length = 0;
    void* data = nullptr;
    check(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
    const size_t width = type == napi_float32_array || type == napi_int32_array ? 4 : 1;
    found.push_back({static_cast<const uint8_t*>(data), length * width});
  }
  return found;
}

// A JavaScript object that owns one of ours, and is known by its tag.
template <typename Owned>
napi_value wrap(napi_env env, std::unique_ptr<Owned> owned, const napi_type_tag& tag) {
  napi_value object = nullptr;
  check(env, napi_create_object(env, &object));
  const auto free = [](napi_env, void* data, void*) { delete static_cast<Owned*>(data); };
  check(env, napi_wrap(env, object, owned.get(), free, nullptr, nullptr));
  owned.release();
  check(env, napi_type_tag_object(env, object, &tag));
  return object;
}

// Null for one that was given back.
void* unwrap(napi_env env, napi_value value, const napi_type_tag& tag, const char* wanted) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  bool tagged = false;
  if (type == napi_object) check(env, napi_check_object_type_tag(env, value, &tag, &tagged));
  if (!tagged) throw Mismatch{"", std::string("must be ") + wanted + ", got " + describe(env, value)};
  void* data = nullptr;
  return napi_unwrap(env, value, &data) == napi_ok ? data : nullptr;
}

Replay& replay_of(napi_env env, napi_value value) {
  return *static_cast<Replay*>(unwrap(env, value, kStepTag, "a captured step"));
}

Capture& capture_of(napi_env env, napi_value value) {
  auto* const capture = static_cast<Capture*>(unwrap(env, value, kCaptureTag, "a capture"));
  if (!capture) throw Mismatch{"", "has ended"};
  return *capture;
}

napi_value begin(napi_env env, napi_callback_info) {
  return guarded(env, "capture.begin", [&](const char*&) {
    return wrap(env, std::make_unique<Capture>(), kCaptureTag);
  });
}

napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.open", [&](const char*& argument) -> napi_value {
    const Arguments<5> arguments(env, info);
    argument = "capture";
    auto& capture = capture_of(env, arguments.values[0]);
    argument = "given";
    const auto given = handles(env, arguments.values[1]);
    argument = "kept";
    const auto kept = handles(env, arguments.values[2]);
    argument = "variables";
    const auto variables = handles(env, arguments.values[3]);
    argument = "arrays";
    auto arrays = arrays_of(env, arguments.values[4]);
    argument = nullptr;
    capture.open(given, kept, variables, std::move(arrays));
    return nullptr;
  });
}

napi_value close(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.close", [&](const char*& argument) -> napi_value {
    const Arguments<2> arguments(env, info);
    argument = "capture";
    auto& capture = capture_of(env, arguments.values[0]);
    argument = "outputs";
    const auto outputs = handles(env, arguments.values[1]);
    argument = nullptr;
    capture.close(outputs);
    return nullptr;
  });
}

napi_value end(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.end", [&](const char*& argument) -> napi_value {
    const Arguments<1> arguments(env, info);
    argument = "capture";
    auto& capture = capture_of(env, arguments.values[0]);
    argument = nullptr;
    void* data = nullptr;
    check(env, napi_remove_wrap(env, arguments.values[0], &data));
    const std::unique_ptr<Capture> ended(&capture);
    ended->end();
    if (ended->problem.empty()) {
      auto replay = std::make_unique<Replay>(Replay{std::move(ended->step)});
      replay->abandon();
      return wrap(env, std::move(replay), kStepTag);
    }
    napi_value problem = nullptr;
    check(env, napi_create_string_utf8(env, ended->problem.data(), ended->problem.size(), &problem));
    return problem;
  });
}

napi_value are_same(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.same", [&](const char*& argument) {
    const Arguments<2> arguments(env, info);
    argument = "a";
    const auto& a = replay_of(env, arguments.values[0]).step;
    argument = "b";
    const auto& b = replay_of(env, arguments.values[1]).step;
    napi_value result = nullptr;
    check(env, napi_get_boolean(env, same(a, b), &result));
    return result;
  });
}

napi_value uses(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.uses", [&](const char*& argument) {
    const Arguments<1> arguments(env, info);
    argument = "step";
    const auto& segments = replay_of(env, arguments.values[0]).step.segments;
    argument = nullptr;
    napi_value result = nullptr;
    check(env, napi_create_array_with_length(env, segments.size(), &result));
    for (size_t i = 0; i < segments.size(); ++i) {
      const auto& inputs = segments[i].inputs;
      napi_value list = nullptr;
      check(env, napi_create_array_with_length(env, inputs.size(), &list));
      check(env, napi_set_element(env, result, static_cast<uint32_t>(i), list));
      for (size_t k = 0; k < inputs.size(); ++k) {
        constexpr const char* kNames[] = {"given", "kept", "variables"};
        napi_value use = nullptr, of = nullptr, place = nullptr;
        check(env, napi_create_object(env, &use));
        check(env, napi_create_string_utf8(env, kNames[static_cast<size_t>(inputs[k].of)], NAPI_AUTO_LENGTH, &of));
        check(env, napi_create_int32(env, inputs[k].place, &place));
        check(env, napi_set_named_property(env, use, "of", of));
        check(env, napi_set_named_property(env, use, "place", place));
        check(env, napi_set_element(env, list, static_cast<uint32_t>(k), use));
      }
    }
    return result;
  });
}

bool fits(const CapturedInput& input, const at::Tensor& tensor) {
  return tensor.sizes() == c10::IntArrayRef(input.sizes) && tensor.strides() == c10::IntArrayRef(input.strides) &&
         tensor.scalar_type() == input.dtype && tensor.device() == input.device;
}

// The segment that a number says, and of its tensors' list each element.
const CapturedSegment& segment_of(napi_env env, const Replay& replay, napi_value number) {
  const int64_t index = to_integer(env, number);
  if (index < 0 || static_cast<size_t>(index) >= replay.step.segments.size()) {
    throw Mismatch{"", "must be below " + std::to_string(replay.step.segments.size())};
  }
  return replay.step.segments[index];
}

std::vector<napi_value> tensors_for(napi_env env, const CapturedSegment& segment, napi_value array) {
  auto found = elements(env, array);
  if (found.size() == segment.inputs.size()) return found;
  throw Mismatch{"", "must have " + std::to_string(segment.inputs.size()) + " elements, got " +
                         std::to_string(found.size())};
}

napi_value do_fit(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.fits", [&](const char*& argument) {
    const Arguments<3> arguments(env, info);
    argument = "step";
    const auto& replay = replay_of(env, arguments.values[0]);
    argument = "segment";
    const auto& segment = segment_of(env, replay, arguments.values[1]);
    argument = "tensors";
    const auto values = tensors_for(env, segment, arguments.values[2]);
    bool fit = true;
    for (size_t i = 0; i < values.size(); ++i) {
      napi_valuetype type = napi_undefined;
      check(env, napi_typeof(env, values[i], &type));
      if (type != napi_null && !fits(segment.inputs[i], unwrap_tensor(env, values[i]))) fit = false;
    }
    napi_value result = nullptr;
    check(env, napi_get_boolean(env, fit, &result));
    return result;
  });
}

napi_value play(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.play", [&](const char*& argument) -> napi_value {
    const Arguments<4> arguments(env, info);
    argument = "step";
    auto& replay = replay_of(env, arguments.values[0]);
    auto& tensors = replay.tensors;
    argument = "segment";
    const auto& segment = segment_of(env, replay, arguments.values[1]);
    const auto index = static_cast<size_t>(&segment - replay.step.segments.data());
    if (index == 0) replay.abandon();
    if (index != replay.next) throw Mismatch{"", "must be the next one, " + std::to_string(replay.next)};
    argument = "tensors";
    const auto given = tensors_for(env, segment, arguments.values[2]);
    for (size_t i = 0; i < given.size(); ++i) {
      const at::Tensor& tensor = unwrap_tensor(env, given[i]);
      if (!fits(segment.inputs[i], tensor)) throw Mismatch{"[" + std::to_string(i) + "]", "is not as the captured one"};
      tensors[segment.inputs[i].slot] = tensor;
    }
    argument = "arrays";
    const auto arrays = arrays_of(env, arguments.values[3]);
    argument = nullptr;
    const char* where = "capture.play";
    try {
      replay.run(segment, arrays, [&](size_t place) { dispose_tensor(env, given[place]); }, where);
    } catch (...) {
      replay.abandon();
      throw_to_javascript(env, where, nullptr);
      return nullptr;
    }
    auto outputs = replay.hand_out(segment);
    napi_value result = nullptr;
    check(env, napi_create_array_with_length(env, outputs.size(), &result));
    for (size_t i = 0; i < outputs.size(); ++i) {
      check(env, napi_set_element(env, result, static_cast<uint32_t>(i), wrap_tensor(env, std::move(outputs[i]))));
    }
    return result;
  });
}

napi_value abandon(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.abandon", [&](const char*& argument) -> napi_value {
    const Arguments<1> arguments(env, info);
    argument = "step";
    replay_of(env, arguments.values[0]).abandon();
    return nullptr;
  });
}

}  // namespace

napi_value capture_functions(napi_env env) {
  napi_value result = nullptr;
  check(env, napi_create_object(env, &result));
  const auto attributes = napi_enumerable;
  const napi_property_descriptor properties[] = {
      {"begin", nullptr, begin, nullptr, nullptr, nullptr, attributes, nullptr},
      {"open", nullptr, open, nullptr, nullptr, nullptr, attributes, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, attributes, nullptr},
      {"end", nullptr, end, nullptr, nullptr, nullptr, attributes, nullptr},
      {"same", nullptr, are_same, nullptr, nullptr, nullptr, attributes, nullptr},
      {"uses", nullptr, uses, nullptr, nullptr, nullptr, attributes, nullptr},
      {"fits", nullptr, do_fit, nullptr, nullptr, nullptr, attributes, nullptr},
      {"play", nullptr, play, nullptr, nullptr, nullptr, attributes, nullptr},
      {"abandon", nullptr, abandon, nullptr, nullptr, nullptr, attributes, nullptr},
  };
  check(env, napi_define_properties(env, result, sizeof properties / sizeof *properties, properties));
  return result;
}

}  // namespace locallearn
