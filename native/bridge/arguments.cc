#include "arguments.h"

#include "../capture/capture.h"
#include "dtypes.h"
#include "errors.h"
#include "tensor.h"

#include <ATen/core/List.h>

#include <cmath>
#include <cstdio>
#include <limits>

namespace locallearn {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

Kind kind_of(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::Int;
    case c10::TypeKind::FloatType: return Kind::Float;
    case c10::TypeKind::BoolType: return Kind::Bool;
    case c10::TypeKind::NumberType: return Kind::Scalar;
    case c10::TypeKind::StringType: return Kind::String;
    case c10::TypeKind::ScalarTypeType: return Kind::ScalarType;
    case c10::TypeKind::MemoryFormatType: return Kind::MemoryFormat;
    case c10::TypeKind::LayoutType: return Kind::Layout;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::ListType: return Kind::List;
    default: return Kind::Unsupported;
  }
}

napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  check(env, napi_typeof(env, value, &type));
  return type;
}

[[noreturn]] void mismatch(napi_env env, const char* wanted, napi_value value) {
  throw Mismatch{"", std::string("must be ") + wanted + ", got " + describe(env, value)};
}

std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

double to_number(napi_env env, napi_value value, const char* wanted) {
  double number = 0;
  const auto status = napi_get_value_double(env, value, &number);
  if (status == napi_number_expected) mismatch(env, wanted, value);
  check(env, status);
  return number;
}

// JavaScript does not tell 2 from 2.0: whole numbers become integers, so that integer tensors stay integers.
at::Scalar to_scalar(napi_env env, napi_value value) {
  if (type_of(env, value) == napi_boolean) return at::Scalar(to_bool(env, value));
  const double number = to_number(env, value, "a number or a boolean");
  const bool whole = std::trunc(number) == number && std::abs(number) <= kMaxSafeInteger;
  const bool negative_zero = number == 0 && std::signbit(number);
  return whole && !negative_zero ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
}

c10::ScalarType to_scalar_type(napi_env env, napi_value value) {
  const std::string name = to_string(env, value);
  if (const auto type = dtype_named(name)) return *type;
  throw Mismatch{"", "must be a dtype such as 'float32' or 'int32', got '" + name + "'"};
}

c10::MemoryFormat to_memory_format(napi_env env, napi_value value) {
  const std::string name = to_string(env, value);
  if (name == "contiguous") return c10::MemoryFormat::Contiguous;
  if (name == "channels_last") return c10::MemoryFormat::ChannelsLast;
  if (name == "channels_last_3d") return c10::MemoryFormat::ChannelsLast3d;
  if (name == "preserve") return c10::MemoryFormat::Preserve;
  throw Mismatch{"", "must be 'contiguous', 'channels_last', 'channels_last_3d' or 'preserve', got '" + name + "'"};
}

c10::Layout to_layout(napi_env env, napi_value value) {
  const std::string name = to_string(env, value);
  if (name == "strided") return c10::Layout::Strided;
  throw Mismatch{"", "must be 'strided', got '" + name + "'"};
}

const at::Tensor& to_tensor(napi_env env, napi_value value) {
  const at::Tensor& tensor = unwrap_tensor(env, value);
  for (Capture* capture : captures) capture->reads(&tensor);
  return tensor;
}

// Calls `take(i, element)` for each element of an array, and says which one was wrong.
template <typename Take>
void each_element(napi_env env, napi_value array, uint32_t length, Take&& take) {
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = nullptr;
    check(env, napi_get_element(env, array, i, &element));
    try {
      take(element);
    } catch (Mismatch& mismatch) {
      mismatch.path = "[" + std::to_string(i) + "]" + mismatch.path;
      throw;
    }
  }
}

uint32_t array_length(napi_env env, napi_value value, const char* wanted) {
  bool array = false;
  check(env, napi_is_array(env, value, &array));
  if (!array) mismatch(env, wanted, value);
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  return length;
}

template <typename Element, typename Convert>
c10::IValue to_list(napi_env env, const Parameter& parameter, napi_value value, const char* wanted,
                    Convert&& convert) {
  c10::List<Element> list;
  // As in Python: one number stands for all of a list of known length.
  if (parameter.length > 0 && type_of(env, value) == napi_number) {
    const Element element = convert(value);
    for (size_t i = 0; i < parameter.length; ++i) list.push_back(element);
    return list;
  }
  const uint32_t length = array_length(env, value, wanted);
  // A kernel that was promised two numbers reads two. Lists "of one" (dim, shape) are those of any length.
  if (parameter.length > 1 && length != parameter.length && !(length == 0 && parameter.default_empty)) {
    throw Mismatch{"", "must have " + std::to_string(parameter.length) + " elements, got " +
                           std::to_string(length)};
  }
  list.reserve(std::min<uint32_t>(length, 64));  // The length is only claimed: an array may be sparse.
  each_element(env, value, length, [&](napi_value element) { list.push_back(convert(element)); });
  return list;
}

c10::IValue to_list(napi_env env, const Parameter& parameter, napi_value value) {
  switch (parameter.element) {
    case Kind::Tensor:
      return to_list<at::Tensor>(env, parameter, value, "an array of tensors",
                                 [&](napi_value element) { return to_tensor(env, element); });
    case Kind::Int:
      return to_list<int64_t>(env, parameter, value, "an array of integers",
                              [&](napi_value element) { return to_integer(env, element); });
    case Kind::Bool:
      return to_list<bool>(env, parameter, value, "an array of booleans",
                           [&](napi_value element) { return to_bool(env, element); });
    default: break;
  }
  throw Mismatch{"", "is of type " + parameter.type + ", which JavaScript cannot pass"};
}

}  // namespace

Parameter parameter_of(const c10::Argument& argument) {
  Parameter parameter{};
  parameter.name = argument.name();
  parameter.divisor = argument.name() == "groups" || argument.name() == "divisor_override";
  parameter.type = argument.real_type()->str();
  c10::TypePtr type = argument.real_type();
  if (const auto optional = type->cast<c10::OptionalType>()) {
    parameter.optional = true;
    type = optional->getElementType();
  }
  parameter.kind = kind_of(*type);
  if (const auto list = type->cast<c10::ListType>()) {
    parameter.element = kind_of(*list->getElementType());
    parameter.length = argument.N() ? static_cast<size_t>(*argument.N()) : 0;
  }
  if (argument.default_value()) {
    parameter.has_default = true;
    parameter.default_value = *argument.default_value();
    parameter.default_empty = parameter.default_value.isList() && parameter.default_value.toListRef().empty();
  }
  return parameter;
}

c10::IValue to_ivalue(napi_env env, const Parameter& parameter, napi_value value) {
  const napi_valuetype type = type_of(env, value);
  if (type == napi_undefined) {
    if (parameter.has_default) return parameter.default_value;
    if (parameter.optional) return {};
    throw Mismatch{"", "is missing"};
  }
  if (type == napi_null && parameter.optional) return {};
  switch (parameter.kind) {
    case Kind::Tensor: return to_tensor(env, value);
    case Kind::Int: {
      const int64_t integer = to_integer(env, value);
      if (parameter.divisor && (integer < 1 || integer > std::numeric_limits<int32_t>::max())) {
        throw Mismatch{"", "must be a positive 32-bit integer, got " + std::to_string(integer)};
      }
      return integer;
    }
    case Kind::Float: return to_number(env, value, "a number");
    case Kind::Bool: return to_bool(env, value);
    case Kind::Scalar: return to_scalar(env, value);
    case Kind::String: return to_string(env, value);
    case Kind::ScalarType: return to_scalar_type(env, value);
    case Kind::MemoryFormat: return to_memory_format(env, value);
    case Kind::Layout: return to_layout(env, value);
    case Kind::Device: return device_named(to_string(env, value));
    case Kind::List: return to_list(env, parameter, value);
    case Kind::Unsupported: break;
  }
  throw Mismatch{"", "must be null: JavaScript cannot pass a " + parameter.type};
}

napi_value to_javascript(napi_env env, c10::IValue&& value) {
  if (value.isTensor() && value.toTensor().defined()) return wrap_tensor(env, std::move(value).toTensor());
  if (!value.isTensor() && !value.isNone()) {
    throw std::runtime_error("a result of type " + value.tagKind() + " cannot be passed to JavaScript");
  }
  napi_value null = nullptr;
  check(env, napi_get_null(env, &null));
  return null;
}

bool to_bool(napi_env env, napi_value value) {
  bool truth = false;
  const auto status = napi_get_value_bool(env, value, &truth);
  if (status == napi_boolean_expected) mismatch(env, "a boolean", value);
  check(env, status);
  return truth;
}

int64_t to_integer(napi_env env, napi_value value) {
  const double number = to_number(env, value, "an integer");
  if (!(std::abs(number) <= kMaxSafeInteger) || std::trunc(number) != number) {
    throw Mismatch{"", "must be a safe integer, got " + number_text(number)};
  }
  return static_cast<int64_t>(number);
}

std::string to_string(napi_env env, napi_value value) {
  size_t length = 0;
  const auto status = napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  if (status == napi_string_expected) mismatch(env, "a string", value);
  check(env, status);
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

std::vector<int64_t> to_integers(napi_env env, napi_value value) {
  const uint32_t length = array_length(env, value, "an array of integers");
  std::vector<int64_t> integers;
  integers.reserve(std::min<uint32_t>(length, 64));
  each_element(env, value, length, [&](napi_value element) { integers.push_back(to_integer(env, element)); });
  return integers;
}

int64_t to_integer_in(napi_env env, napi_value value, int64_t least, int64_t most) {
  const int64_t number = to_integer(env, value);
  if (number >= least && number <= most) return number;
  throw Mismatch{"", "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                         std::to_string(number)};
}

std::vector<napi_value> to_elements(napi_env env, napi_value array) {
  const uint32_t length = array_length(env, array, "an array");
  std::vector<napi_value> elements;
  for (uint32_t i = 0; i < length; ++i) check(env, napi_get_element(env, array, i, &elements.emplace_back()));
  return elements;
}

Arguments::Arguments(napi_env env, napi_callback_info info, const char*& argument) : env_(env), argument_(argument) {
  size_t count = sizeof values_ / sizeof *values_;
  check(env, napi_get_cb_info(env, info, &count, values_, nullptr, nullptr));
}

std::vector<at::Tensor> Arguments::tensors(const char* name) {
  std::vector<at::Tensor> tensors;
  for (const napi_value each : list(name)) tensors.push_back(unwrap_tensor(env_, each));
  return tensors;
}

}  // namespace locallearn
