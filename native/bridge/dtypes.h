// Names of element types and devices as JavaScript writes them.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace locallearn {

// "float32", "int64", "bool", …
std::string dtype_name(c10::ScalarType type);
std::optional<c10::ScalarType> dtype_named(std::string_view name);

struct DeviceInfo {
  c10::Device device;
  std::string id;    // "cpu", "cuda:0"
  std::string name;  // for people
};

// The devices of this machine that this build can use, the CPU first.
const std::vector<DeviceInfo>& devices();

// One of `devices` by id; "cuda" is the first GPU. Throws Mismatch.
c10::Device device_named(std::string_view id);

}  // namespace locallearn
