#include "dtypes.h"

#include "errors.h"
#include "../memory/memory.h"

#include <fstream>

namespace locallearn {
namespace {

constexpr struct {
  c10::ScalarType type;
  std::string_view name;
} kDtypes[] = {
    {c10::ScalarType::Float, "float32"},          {c10::ScalarType::Int, "int32"},
    {c10::ScalarType::Long, "int64"},             {c10::ScalarType::Bool, "bool"},
    {c10::ScalarType::Byte, "uint8"},             {c10::ScalarType::Half, "float16"},
    {c10::ScalarType::BFloat16, "bfloat16"},      {c10::ScalarType::Double, "float64"},
    {c10::ScalarType::Char, "int8"},              {c10::ScalarType::Short, "int16"},
    {c10::ScalarType::ComplexFloat, "complex64"}, {c10::ScalarType::ComplexDouble, "complex128"},
};

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

std::vector<DeviceInfo> find_devices() {
  std::vector<DeviceInfo> found = {{c10::Device(c10::kCPU), "cpu", cpu_name()}};
  const auto names = cuda_device_names();
  for (size_t i = 0; i < names.size(); ++i) {
    found.push_back({c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(i)), "cuda:" + std::to_string(i),
                     names[i]});
  }
  return found;
}

}  // namespace

std::string dtype_name(c10::ScalarType type) {
  for (const auto& dtype : kDtypes) {
    if (dtype.type == type) return std::string(dtype.name);
  }
  return c10::toString(type);
}

std::optional<c10::ScalarType> dtype_named(std::string_view name) {
  for (const auto& dtype : kDtypes) {
    if (dtype.name == name) return dtype.type;
  }
  return std::nullopt;
}

const std::vector<DeviceInfo>& devices() {
  static const std::vector<DeviceInfo> found = find_devices();
  return found;
}

c10::Device device_named(std::string_view id) {
  const std::string_view wanted = id == "cuda" ? "cuda:0" : id;
  std::string known;
  for (const auto& info : devices()) {
    if (info.id == wanted) return info.device;
    known += (known.empty() ? "" : ", ") + info.id;
  }
  throw Mismatch{"", "must be a device of this machine (" + known + "), got '" + std::string(id) + "'"};
}

}  // namespace locallearn
