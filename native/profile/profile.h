// Where a step's time and memory go: every call from JavaScript, libtorch's operators inside it, and the marked parts
// of this addon's own kernels. One thread's; costs the load of a flag while nobody profiles.
#pragma once

#include <node_api.h>

#include <vector>

namespace locallearn {

extern bool profiling;
void begin_span(const char* name);
void end_span() noexcept;

// A part of a call, for as long as it lives. The name must outlive the profile.
class Span {
 public:
  explicit Span(const char* name) : open_(profiling) {
    if (__builtin_expect(open_, false)) begin_span(name);
  }
  ~Span() {
    if (__builtin_expect(open_, false)) end_span();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  const bool open_;
};

// A convolution that is not libtorch's operator; shapes as its [n, c, h, w] and [out, in, h, w]. While profiling only.
struct ConvolutionRun {
  std::vector<int64_t> x, filter, resized_from;  // empty, or the height and width that x is resized from
  int64_t stride, padding;
  bool forward, backward_data, backward_weights;
};
void note_convolution(const ConvolutionRun& run);

// What `Native.startProfile` and `Native.stopProfile` are.
napi_value start_profile(napi_env env, napi_callback_info info);
napi_value stop_profile(napi_env env, napi_callback_info info);

}  // namespace locallearn
