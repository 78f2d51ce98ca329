#ifdef LOCALLEARN_GLOO
#include "group.h"

#include "../bridge/errors.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef LOCALLEARN_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <condition_variable>
#include <mutex>
#include <thread>

namespace locallearn {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBeat{250};
constexpr int kAbortTag = 0x7fffffff;

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

c10::intrusive_ptr<c10d::Store> open_store(const JoinOptions& options, bool serves) {
  c10d::TCPStoreOptions store;
  store.port = options.port;
  store.isServer = serves;
  store.numWorkers = options.size;
  store.waitWorkers = false;
  store.timeout = options.timeout;
  return c10::make_intrusive<c10d::PrefixStore>(options.prefix,
                                                c10::make_intrusive<c10d::TCPStore>(options.host, store));
}

std::string key(const char* kind, int rank) { return std::string(kind) + "/" + std::to_string(rank); }

// Every rank's machine, in the order of the ranks.
std::vector<std::string> meet(c10d::Store& store, const JoinOptions& options) {
  store.set(key("host", options.rank), bytes_of(options.name));
  const auto end = std::chrono::steady_clock::now() + options.timeout;
  std::vector<std::string> hosts;
  for (int rank = 0; rank < options.size; ++rank) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
    try {
      store.wait({key("host", rank)}, std::max(left, milliseconds{1}));
    } catch (const std::exception&) {
      throw std::runtime_error("rank " + std::to_string(rank) + " of " + std::to_string(options.size) +
                               " did not come to " + options.host + ":" + std::to_string(options.port) + " within " +
                               std::to_string(options.timeout.count() / 1000) + " s");
    }
    hosts.push_back(text_of(store.get(key("host", rank))));
  }
  return hosts;
}

// Tensors of one dtype in one piece, so that they travel as one. A dense one travels as it is.
class Parcel {
 public:
  explicit Parcel(std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {
    if (tensors_.empty()) throw UsageError("there must be one tensor or more");
    int64_t elements = 0;
    for (const auto& tensor : tensors_) {
      if (tensor.scalar_type() != tensors_[0].scalar_type()) throw UsageError("the tensors must be of one dtype");
      elements += tensor.numel();
    }
    const c10::InferenceMode inference;
    const bool whole = tensors_.size() == 1 && tensors_[0].is_contiguous();
    packed_ = whole ? tensors_[0].view(-1) : at::empty({elements}, tensors_[0].options());
    if (whole) tensors_.clear();
    each([](at::Tensor part, at::Tensor tensor) { part.copy_(tensor); });
  }

  // Bytes where they are no numbers to c10d.
  at::Tensor packed() const {
    return packed_.scalar_type() == at::kBool ? packed_.view(at::kByte) : packed_;
  }

  void unpack() const {
    const c10::InferenceMode inference;
    each([](at::Tensor part, at::Tensor tensor) { tensor.copy_(part); });
  }

 private:
  template <typename Copy>
  void each(Copy&& copy) const {
    int64_t start = 0;
    for (const auto& tensor : tensors_) {
      copy(packed_.narrow(0, start, tensor.numel()).view(tensor.sizes()), tensor);
      start += tensor.numel();
    }
  }

  std::vector<at::Tensor> tensors_;
  at::Tensor packed_;
};

}  // namespace

// A thread that tells the store that this process lives, by a connection of its own. Where the store is gone it ends.
struct Group::Pulse {
  Pulse(c10::intrusive_ptr<c10d::Store> store, int rank) : store(std::move(store)), rank(rank) {}

  static void start(const std::shared_ptr<Pulse>& pulse) {
    // Not joined: a store that does not answer would hold up whoever leaves.
    std::thread([pulse] { pulse->run(); }).detach();
  }

  void run() {
    try {
      std::unique_lock<std::mutex> lock(mutex);
      for (uint64_t beat = 1; !stopped; ++beat) {
        lock.unlock();
        store->set(key("beat", rank),
                   bytes_of(std::to_string(beat) + " " + std::to_string(collectives.load())));
        lock.lock();
        wake.wait_for(lock, kBeat, [&] { return stopped; });
      }
    } catch (const std::exception&) {
      // Its end is what the other ranks see; what this rank waits for fails by itself.
    }
  }

  void stop() {
    const std::lock_guard<std::mutex> lock(mutex);
    stopped = true;
    wake.notify_all();
  }

  const c10::intrusive_ptr<c10d::Store> store;
  const int rank;
  std::atomic<uint64_t> collectives{0};  // begun
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false;
};

Group::Group(const JoinOptions& options) : options_(options) {
  try {
    store_ = open_store(options, options.serves_store);
  } catch (const std::exception& error) {
    throw std::runtime_error((options.serves_store ? "rank 0 cannot listen at " : "nothing answers at ") +
                             options.host + ":" + std::to_string(options.port) + " (" +
                             std::string(error.what()).substr(0, std::string(error.what()).find('\n')) + ")");
  }
  hosts_ = meet(*store_, options);
  backend_ = make_backend("all");
  pulse_ = std::make_shared<Pulse>(open_store(options, false), options.rank);
  Pulse::start(pulse_);
}

Group::~Group() {
  pulse_->stop();
  abort();
}

c10::intrusive_ptr<Group::Backend> Group::make_backend(const std::string& prefix) const {
  const auto store = c10::make_intrusive<c10d::PrefixStore>(prefix, store_);
#ifdef LOCALLEARN_NCCL
  if (options_.backend == "nccl") {
    const auto nccl = c10d::ProcessGroupNCCL::Options::create();
    nccl->timeout = options_.timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options_.rank, options_.size, nccl);
  }
#endif
  const auto gloo = c10d::ProcessGroupGloo::Options::create(options_.timeout);
  gloo->devices.push_back(
      options_.interface.empty()
          ? c10d::ProcessGroupGloo::createDeviceForHostname(address_towards(options_.host, options_.port))
          : c10d::ProcessGroupGloo::createDeviceForInterface(options_.interface));
  gloo->threads = 2;
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, options_.rank, options_.size, gloo);
}

// NCCL takes no notice of tags: messages of different ones must not share a channel.
Group::Backend& Group::backend_for(int tag) {
  if (options_.backend != "nccl") return *backend_;
  auto& backend = by_tag_[tag];
  if (!backend) backend = make_backend("tag " + std::to_string(tag));
  return *backend;
}

Operation Group::operation(c10::intrusive_ptr<c10d::Work> work, std::function<void()> finish) const {
  const auto timeout = options_.timeout;
  if (options_.backend != "nccl") {
    return {[work, timeout] {
              if (!work->wait(timeout)) throw std::runtime_error("it was ended");
            },
            std::move(finish)};
  }
  // `wait` lets a stream wait, not a thread: so that is asked for again and again here, and done on the thread whose
  // stream will read.
  return {[work, timeout] {
            const auto end = std::chrono::steady_clock::now() + timeout;
            while (!work->isCompleted()) {
              if (std::chrono::steady_clock::now() > end) throw std::runtime_error("Timed out");
              std::this_thread::sleep_for(std::chrono::microseconds(50));
            }
            if (work->exception()) std::rethrow_exception(work->exception());
          },
          [work, finish = std::move(finish)] {
            work->wait();
            if (finish) finish();
          }};
}

Operation Group::all_reduce(std::vector<at::Tensor> tensors, bool mean) {
  const auto parcel = std::make_shared<Parcel>(std::move(tensors));
  std::vector<at::Tensor> packed = {parcel->packed()};
  ++pulse_->collectives;
  return operation(backend_->allreduce(packed), [parcel, mean, size = options_.size] {
    const c10::InferenceMode inference;
    if (mean) parcel->packed().div_(size);
    parcel->unpack();
  });
}

Operation Group::broadcast(std::vector<at::Tensor> tensors, int from) {
  const auto parcel = std::make_shared<Parcel>(std::move(tensors));
  std::vector<at::Tensor> packed = {parcel->packed()};
  c10d::BroadcastOptions options;
  options.rootRank = from;
  ++pulse_->collectives;
  return operation(backend_->broadcast(packed, options), [parcel] { parcel->unpack(); });
}

Operation Group::send(at::Tensor tensor, int to, int tag) {
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  return operation(backend_for(tag).send(tensors, to, tag));
}

Operation Group::receive(at::Tensor tensor, int from, int tag) {
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  return operation(backend_for(tag).recv(tensors, from, tag));
}

void Group::abort() {
  if (options_.size == 1) return;
#ifdef LOCALLEARN_NCCL
  if (options_.backend == "nccl") {
    static_cast<c10d::ProcessGroupNCCL&>(*backend_).abort();
    for (auto& [tag, backend] : by_tag_) static_cast<c10d::ProcessGroupNCCL&>(*backend).abort();
    return;
  }
#endif
  // Gloo ends its connections where a wait of ours runs out, and with them all that is under way: so one is let run
  // out.
  try {
    std::vector<at::Tensor> nothing = {at::empty({1})};
    backend_->recv(nothing, options_.rank == 0 ? 1 : 0, kAbortTag)->wait(milliseconds{1});
  } catch (const std::exception&) {
    // That is how it ends.
  }
}

void Group::note(const std::string& key, const std::string& value) { pulse_->store->set(key, bytes_of(value)); }

std::vector<std::string> Group::look(const std::vector<std::string>& keys) {
  std::vector<std::string> values;
  for (const auto& key : keys) {
    values.push_back(pulse_->store->check({key}) ? text_of(pulse_->store->get(key)) : "");
  }
  return values;
}

}  // namespace locallearn
#endif
