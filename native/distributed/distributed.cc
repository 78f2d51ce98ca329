#include "distributed.h"

#include "../bridge/errors.h"

#ifndef LOCALLEARN_GLOO

namespace locallearn {

napi_value distributed_functions(napi_env env) {
  napi_value nothing = nullptr;
  check(env, napi_get_null(env, &nothing));
  return nothing;
}

}  // namespace locallearn

#else

#include "../bridge/arguments.h"
#include "../capture/capture.h"
#include "../bridge/dtypes.h"
#include "../bridge/tensor.h"
#include "group.h"
#include "waiting.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

namespace locallearn {
namespace {

constexpr napi_type_tag kGroupTag = {0x3d0c7a915be24f68ULL, 0xa41f06d2c95873ebULL};
constexpr int64_t kMostRanks = 1 << 16;
constexpr int64_t kMostTag = 0x7ffffffe;  // the one above is `abort`'s

using SharedGroup = std::shared_ptr<Group>;

napi_value wrap_group(napi_env env, SharedGroup group) {
  napi_value object = nullptr;
  check(env, napi_create_object(env, &object));
  auto owned = std::make_unique<SharedGroup>(std::move(group));
  const auto free_group = [](napi_env, void* data, void*) { delete static_cast<SharedGroup*>(data); };
  check(env, napi_wrap(env, object, owned.get(), free_group, nullptr, nullptr));
  owned.release();
  check(env, napi_type_tag_object(env, object, &kGroupTag));
  return object;
}

SharedGroup& unwrap_group(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  bool tagged = false;
  if (type == napi_object) check(env, napi_check_object_type_tag(env, value, &kGroupTag, &tagged));
  if (!tagged) throw Mismatch{"", "must be a process group, got " + describe(env, value)};
  void* data = nullptr;
  check(env, napi_unwrap(env, value, &data));
  return *static_cast<SharedGroup*>(data);
}

int64_t to_integer_up_to(napi_env env, napi_value value, int64_t least, int64_t most) {
  const int64_t number = to_integer(env, value);
  if (number < least || number > most) {
    throw Mismatch{"", "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                           std::to_string(number)};
  }
  return number;
}

// The arguments of a call, asked for by name.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info, const char*& argument) : env_(env), argument_(argument) {
    size_t count = sizeof values_ / sizeof *values_;
    check(env, napi_get_cb_info(env, info, &count, values_, nullptr, nullptr));
  }

  napi_value next(const char* name) {
    argument_ = name;
    return values_[at_++];
  }
  SharedGroup group() {
    auto group = unwrap_group(env_, next("group"));
    if (!group) throw Mismatch{"", "is closed"};
    return group;
  }
  std::string text(const char* name) { return to_string(env_, next(name)); }
  int64_t number(const char* name, int64_t least, int64_t most) {
    return to_integer_up_to(env_, next(name), least, most);
  }
  int rank(const char* name, const Group& group) {
    return static_cast<int>(number(name, 0, static_cast<int64_t>(group.hosts().size()) - 1));
  }
  std::vector<napi_value> list(const char* name) {
    const napi_value value = next(name);
    uint32_t length = 0;
    if (napi_get_array_length(env_, value, &length) != napi_ok) {
      throw Mismatch{"", "must be an array, got " + describe(env_, value)};
    }
    std::vector<napi_value> elements(length);
    for (uint32_t i = 0; i < length; ++i) check(env_, napi_get_element(env_, value, i, &elements[i]));
    return elements;
  }
  std::vector<at::Tensor> tensors(const char* name) {
    std::vector<at::Tensor> tensors;
    for (const napi_value each : list(name)) tensors.push_back(unwrap_tensor(env_, each));
    return tensors;
  }
  void done() { argument_ = nullptr; }

 private:
  napi_env env_;
  const char*& argument_;
  napi_value values_[12] = {};
  size_t at_ = 0;
};

napi_value strings(napi_env env, const std::vector<std::string>& texts) {
  napi_value list = nullptr;
  check(env, napi_create_array_with_length(env, texts.size(), &list));
  for (size_t i = 0; i < texts.size(); ++i) {
    napi_value text = nullptr;
    check(env, napi_create_string_utf8(env, texts[i].data(), texts[i].size(), &text));
    check(env, napi_set_element(env, list, static_cast<uint32_t>(i), text));
  }
  return list;
}

napi_value nothing(napi_env env) {
  napi_value undefined = nullptr;
  check(env, napi_get_undefined(env, &undefined));
  return undefined;
}

napi_value promise_of(napi_env env, const char* where, Operation operation, at::Tensor result = {}) {
  const auto finish = [finish = std::move(operation.finish), result](napi_env environment) {
    if (finish) finish();
    return result.defined() ? wrap_tensor(environment, result) : nothing(environment);
  };
  return promise_of(env, where, Waiting{std::move(operation.wait), finish});
}

napi_value join(napi_env env, napi_callback_info info) {
  return guarded(env, "join", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    JoinOptions options;
    options.host = arguments.text("host");
    options.port = static_cast<uint16_t>(arguments.number("port", 1, 65535));
    options.serves_store = to_bool(env, arguments.next("servesStore"));
    options.prefix = arguments.text("prefix");
    options.size = static_cast<int>(arguments.number("size", 1, kMostRanks));
    options.rank = static_cast<int>(arguments.number("rank", 0, options.size - 1));
    options.backend = arguments.text("backend");
    options.interface = arguments.text("networkInterface");
    options.name = arguments.text("name");
    options.timeout = std::chrono::milliseconds(arguments.number("timeout", 1, int64_t{1} << 40));
    arguments.done();
    const auto joined = std::make_shared<SharedGroup>();
    return promise_of(env, "join",
                      Waiting{[joined, options] { *joined = std::make_shared<Group>(options); },
                              [joined](napi_env environment) { return wrap_group(environment, std::move(*joined)); }});
  });
}

napi_value hosts(napi_env env, napi_callback_info info) {
  return guarded(env, "hosts", [&](const char*& argument) {
    return strings(env, Arguments(env, info, argument).group()->hosts());
  });
}

napi_value all_reduce(napi_env env, napi_callback_info info) {
  return guarded(env, "allReduce", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    auto tensors = arguments.tensors("tensors");
    const bool mean = to_bool(env, arguments.next("mean"));
    arguments.done();
    return promise_of(env, "allReduce", group->all_reduce(std::move(tensors), mean));
  });
}

napi_value sum_now(napi_env env, napi_callback_info info) {
  return guarded(env, "sumNow", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    auto tensors = arguments.tensors("tensors");
    arguments.done();
    for (Capture* capture : captures) capture->refuse("an update sums over ranks in its middle");
    const Operation sum = group->all_reduce(std::move(tensors), false);
    sum.wait();
    sum.finish();
    return nothing(env);
  });
}

napi_value broadcast(napi_env env, napi_callback_info info) {
  return guarded(env, "broadcast", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    auto tensors = arguments.tensors("tensors");
    const int from = arguments.rank("from", *group);
    arguments.done();
    return promise_of(env, "broadcast", group->broadcast(std::move(tensors), from));
  });
}

napi_value send(napi_env env, napi_callback_info info) {
  return guarded(env, "send", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    const at::Tensor tensor = unwrap_tensor(env, arguments.next("tensor"));
    const int to = arguments.rank("to", *group);
    const int tag = static_cast<int>(arguments.number("tag", 0, kMostTag));
    arguments.done();
    const c10::InferenceMode inference;
    return promise_of(env, "send", group->send(tensor.contiguous(), to, tag));
  });
}

napi_value receive(napi_env env, napi_callback_info info) {
  return guarded(env, "recv", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    const auto shape = to_integers(env, arguments.next("shape"));
    const std::string dtype = arguments.text("dtype");
    const auto type = dtype_named(dtype);
    if (!type) throw Mismatch{"", "must be a dtype such as 'float32', got '" + dtype + "'"};
    const c10::Device device = device_named(arguments.text("device"));
    const int from = arguments.rank("from", *group);
    const int tag = static_cast<int>(arguments.number("tag", 0, kMostTag));
    arguments.done();
    const c10::InferenceMode inference;
    const at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(*type).device(device));
    return promise_of(env, "recv", group->receive(tensor, from, tag), tensor);
  });
}

napi_value note(napi_env env, napi_callback_info info) {
  return guarded(env, "note", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    const std::string key = arguments.text("key"), value = arguments.text("value");
    arguments.done();
    return promise_of(env, "note", Waiting{[group, key, value] { group->note(key, value); }, nullptr, false});
  });
}

napi_value look(napi_env env, napi_callback_info info) {
  return guarded(env, "look", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    std::vector<std::string> keys;
    for (const napi_value key : arguments.list("keys")) keys.push_back(to_string(env, key));
    arguments.done();
    const auto found = std::make_shared<std::vector<std::string>>();
    return promise_of(env, "look",
                      Waiting{[group, keys, found] { *found = group->look(keys); },
                              [found](napi_env environment) { return strings(environment, *found); }, false});
  });
}

napi_value abort(napi_env env, napi_callback_info info) {
  return guarded(env, "abort", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = arguments.group();
    arguments.done();
    group->abort();
    return nothing(env);
  });
}

napi_value close(napi_env env, napi_callback_info info) {
  return guarded(env, "close", [&](const char*& argument) {
    Arguments arguments(env, info, argument);
    const auto group = std::make_shared<SharedGroup>(std::move(unwrap_group(env, arguments.next("group"))));
    arguments.done();
    if (!*group) return nothing(env);
    (*group)->abort();
    return promise_of(env, "close", Waiting{[group] { group->reset(); }, nullptr});
  });
}

}  // namespace

napi_value distributed_functions(napi_env env) {
  napi_value functions = nullptr;
  check(env, napi_create_object(env, &functions));
  std::vector<std::string> backends = {"gloo"};
#ifdef LOCALLEARN_NCCL
  backends.emplace_back("nccl");
#endif
  const auto attributes = napi_enumerable;
  const napi_property_descriptor properties[] = {
      {"backends", nullptr, nullptr, nullptr, nullptr, strings(env, backends), attributes, nullptr},
      {"join", nullptr, join, nullptr, nullptr, nullptr, attributes, nullptr},
      {"hosts", nullptr, hosts, nullptr, nullptr, nullptr, attributes, nullptr},
      {"allReduce", nullptr, all_reduce, nullptr, nullptr, nullptr, attributes, nullptr},
      {"sumNow", nullptr, sum_now, nullptr, nullptr, nullptr, attributes, nullptr},
      {"broadcast", nullptr, broadcast, nullptr, nullptr, nullptr, attributes, nullptr},
      {"send", nullptr, send, nullptr, nullptr, nullptr, attributes, nullptr},
      {"recv", nullptr, receive, nullptr, nullptr, nullptr, attributes, nullptr},
      {"note", nullptr, note, nullptr, nullptr, nullptr, attributes, nullptr},
      {"look", nullptr, look, nullptr, nullptr, nullptr, attributes, nullptr},
      {"abort", nullptr, abort, nullptr, nullptr, nullptr, attributes, nullptr},
      {"close", nullptr, close, nullptr, nullptr, nullptr, attributes, nullptr},
  };
  check(env, napi_define_properties(env, functions, sizeof properties / sizeof *properties, properties));
  return functions;
}

}  // namespace locallearn

#endif
