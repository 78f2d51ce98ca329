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
#include "../bridge/owned.h"
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
  return wrap_owned(env, std::make_unique<SharedGroup>(std::move(group)), kGroupTag);
}

// The arguments of a call on a group, which comes first.
class GroupArguments : public Arguments {
 public:
  GroupArguments(napi_env env, napi_callback_info info, const char*& argument)
      : Arguments(env, info, argument),
        handle_(unwrap_owned<SharedGroup>(env, next("group"), kGroupTag, "a process group")) {}

  SharedGroup group() const {
    if (!*handle_) throw Mismatch{"", "is closed"};
    return *handle_;
  }
  // Nobody has it any more.
  SharedGroup taken() { return std::move(*handle_); }
  int rank(const char* name) { return static_cast<int>(number(name, 0, static_cast<int64_t>(group()->hosts().size()) - 1)); }

 private:
  SharedGroup* handle_;
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
    return strings(env, GroupArguments(env, info, argument).group()->hosts());
  });
}

napi_value all_reduce(napi_env env, napi_callback_info info) {
  return guarded(env, "allReduce", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    auto tensors = arguments.tensors("tensors");
    const bool mean = to_bool(env, arguments.next("mean"));
    arguments.done();
    return promise_of(env, "allReduce", group->all_reduce(std::move(tensors), mean));
  });
}

napi_value sum_now(napi_env env, napi_callback_info info) {
  return guarded(env, "sumNow", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
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
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    auto tensors = arguments.tensors("tensors");
    const int from = arguments.rank("from");
    arguments.done();
    return promise_of(env, "broadcast", group->broadcast(std::move(tensors), from));
  });
}

napi_value send(napi_env env, napi_callback_info info) {
  return guarded(env, "send", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    const at::Tensor tensor = unwrap_tensor(env, arguments.next("tensor"));
    const int to = arguments.rank("to");
    const int tag = static_cast<int>(arguments.number("tag", 0, kMostTag));
    arguments.done();
    const c10::InferenceMode inference;
    return promise_of(env, "send", group->send(tensor.contiguous(), to, tag));
  });
}

napi_value receive(napi_env env, napi_callback_info info) {
  return guarded(env, "recv", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    const auto shape = to_integers(env, arguments.next("shape"));
    const std::string dtype = arguments.text("dtype");
    const auto type = dtype_named(dtype);
    if (!type) throw Mismatch{"", "must be a dtype such as 'float32', got '" + dtype + "'"};
    const c10::Device device = device_named(arguments.text("device"));
    const int from = arguments.rank("from");
    const int tag = static_cast<int>(arguments.number("tag", 0, kMostTag));
    arguments.done();
    const c10::InferenceMode inference;
    const at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(*type).device(device));
    return promise_of(env, "recv", group->receive(tensor, from, tag), tensor);
  });
}

napi_value note(napi_env env, napi_callback_info info) {
  return guarded(env, "note", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    const std::string key = arguments.text("key"), value = arguments.text("value");
    arguments.done();
    return promise_of(env, "note", Waiting{[group, key, value] { group->note(key, value); }, nullptr, false});
  });
}

napi_value look(napi_env env, napi_callback_info info) {
  return guarded(env, "look", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
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
    GroupArguments arguments(env, info, argument);
    const auto group = arguments.group();
    arguments.done();
    group->abort();
    return nothing(env);
  });
}

napi_value close(napi_env env, napi_callback_info info) {
  return guarded(env, "close", [&](const char*& argument) {
    GroupArguments arguments(env, info, argument);
    const auto group = std::make_shared<SharedGroup>(arguments.taken());
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
