// `Native.capture`: capturing a step, and making it again.
#include "functions.h"

#include "../bridge/arguments.h"
#include "../bridge/errors.h"
#include "../bridge/owned.h"
#include "../bridge/tensor.h"
#include "replay.h"

#include <memory>

namespace locallearn {
namespace {

constexpr napi_type_tag kCaptureTag = {0x71c25be09a3f48d6ULL, 0x8ad94e3716c05fb2ULL};
constexpr napi_type_tag kStepTag = {0x3d0f6a1be27c4985ULL, 0xb46e91c5027fa8d3ULL};

bool is_null(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  return type == napi_null;
}

// Null for null, where that is allowed.
std::vector<Capture::Handle> handles(napi_env env, const std::vector<napi_value>& values, bool nullable = false) {
  std::vector<Capture::Handle> found;
  for (const napi_value value : values) {
    found.push_back(nullable && is_null(env, value) ? nullptr : &unwrap_tensor(env, value));
  }
  return found;
}

std::vector<CapturedArray> arrays_of(napi_env env, const std::vector<napi_value>& values) {
  std::vector<CapturedArray> found;
  for (const napi_value value : values) {
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

Replay& replay_of(napi_env env, napi_value value) {
  return *unwrap_owned<Replay>(env, value, kStepTag, "a captured step");
}

Capture& capture_of(napi_env env, napi_value value) {
  auto* const capture = unwrap_owned<Capture>(env, value, kCaptureTag, "a capture");
  if (!capture) throw Mismatch{"", "has ended"};
  return *capture;
}

napi_value begin(napi_env env, napi_callback_info) {
  return guarded(env, "capture.begin", [&](const char*&) {
    return wrap_owned(env, std::make_unique<Capture>(), kCaptureTag);
  });
}

napi_value open(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.open", [&](const char*& argument) -> napi_value {
    Arguments arguments(env, info, argument);
    const napi_value handle = arguments.next("capture");
    capture_of(env, handle);
    // All before any is looked at: a getter in one list could dispose what another has.
    const auto given = arguments.list("given"), kept = arguments.list("kept");
    const auto variables = arguments.list("variables"), arrays = arguments.list("arrays");
    arguments.done();
    capture_of(env, handle).open(handles(env, given), handles(env, kept), handles(env, variables, /*nullable=*/true),
                                 arrays_of(env, arrays));
    return nullptr;
  });
}

napi_value close(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.close", [&](const char*& argument) -> napi_value {
    Arguments arguments(env, info, argument);
    const napi_value handle = arguments.next("capture");
    capture_of(env, handle);
    const auto outputs = arguments.list("outputs");
    capture_of(env, handle).close(handles(env, outputs));
    return nullptr;
  });
}

napi_value end(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.end", [&](const char*& argument) -> napi_value {
    Arguments arguments(env, info, argument);
    const napi_value handle = arguments.next("capture");
    capture_of(env, handle);
    const bool lives_on = to_bool(env, arguments.next("livesOn"));
    arguments.done();
    const auto ended = take_owned<Capture>(env, handle);
    ended->end(lives_on);
    if (ended->problem.empty()) {
      auto replay = std::make_unique<Replay>(Replay{std::move(ended->step)});
      replay->abandon();
      return wrap_owned(env, std::move(replay), kStepTag);
    }
    napi_value problem = nullptr;
    check(env, napi_create_string_utf8(env, ended->problem.data(), ended->problem.size(), &problem));
    return problem;
  });
}

napi_value are_same(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.same", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto& a = replay_of(env, arguments.next("a")).step;
    const auto& b = replay_of(env, arguments.next("b")).step;
    napi_value result = nullptr;
    check(env, napi_get_boolean(env, same(a, b), &result));
    return result;
  });
}

napi_value uses(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.uses", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto& segments = replay_of(env, arguments.next("step")).step.segments;
    arguments.done();
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

size_t segment_number(Arguments& arguments, const Replay& replay) {
  return arguments.number("segment", 0, static_cast<int64_t>(replay.step.segments.size()) - 1);
}

// One for each input of the segment.
std::vector<napi_value> tensors_for(Arguments& arguments, const CapturedSegment& segment) {
  auto found = arguments.list("tensors");
  if (found.size() == segment.inputs.size()) return found;
  throw Mismatch{"", "must have " + std::to_string(segment.inputs.size()) + " elements, got " +
                         std::to_string(found.size())};
}

napi_value do_fit(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.fits", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto& replay = replay_of(env, arguments.next("step"));
    const auto& segment = replay.step.segments[segment_number(arguments, replay)];
    const auto values = tensors_for(arguments, segment);
    bool fit = true;
    for (size_t i = 0; i < values.size(); ++i) {
      if (!is_null(env, values[i]) && !fits(segment.inputs[i], unwrap_tensor(env, values[i]))) fit = false;
    }
    napi_value result = nullptr;
    check(env, napi_get_boolean(env, fit, &result));
    return result;
  });
}

napi_value play(napi_env env, napi_callback_info info) {
  return guarded(env, "capture.play", [&](const char*& argument) -> napi_value {
    Arguments arguments(env, info, argument);
    auto& replay = replay_of(env, arguments.next("step"));
    const size_t number = segment_number(arguments, replay);
    const auto& segment = replay.step.segments[number];
    const auto given = tensors_for(arguments, segment);
    const auto elements = arguments.list("arrays");
    // From here on no JavaScript runs.
    const auto arrays = arrays_of(env, elements);
    argument = "segment";
    if (number == 0) replay.abandon();
    if (number != replay.next) throw Mismatch{"", "must be the next one, " + std::to_string(replay.next)};
    argument = "tensors";
    for (size_t i = 0; i < given.size(); ++i) {
      const at::Tensor& tensor = unwrap_tensor(env, given[i]);
      if (!fits(segment.inputs[i], tensor)) throw Mismatch{"[" + std::to_string(i) + "]", "is not as the captured one"};
      replay.tensors[segment.inputs[i].slot] = tensor;
    }
    arguments.done();
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
    Arguments arguments(env, info, argument);
    replay_of(env, arguments.next("step")).abandon();
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
