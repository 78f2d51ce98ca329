// What operators take on trust, checked before they run: some kernels are only safe behind the functions that usually
// call them, and with wrong arguments read or write elsewhere. Found by calling every operator of libtorch 1.13 and 2.6
// with random arguments, each tensor's memory between pages that may not be touched.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>

#include <string>

namespace locallearn {

// Whether an argument may only be left out, as its values are followed unchecked: scales that contradict the size,
// positions of a sorted order.
bool must_be_null(const c10::FunctionSchema& schema, const c10::Argument& argument);

// Throws where the arguments would mislead the kernel. Null for operators that need none.
using Precondition = void (*)(const c10::FunctionSchema& schema, const torch::jit::Stack& arguments);
Precondition precondition_of(const std::string& name);

// That of this addon's own layers (locallearn::…).
void check_layer(const c10::FunctionSchema& schema, const torch::jit::Stack& arguments);

// Throws unless `value` is a dense vector of one number a channel. A null is refused only where it is `needed`.
void check_per_channel(const c10::IValue& value, const char* name, int64_t channels, bool needed);

}  // namespace locallearn
