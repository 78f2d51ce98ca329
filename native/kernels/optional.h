// What an operator takes for an argument that may be left out: std::optional, in libtorch before 2.4 its own type.
#pragma once

#include <torch/version.h>

#if TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR >= 204
#include <optional>
namespace locallearn {
using std::optional;
}
#else
#include <c10/util/Optional.h>
namespace locallearn {
using c10::optional;
}
#endif
