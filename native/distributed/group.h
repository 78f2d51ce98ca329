// Processes that train together: libtorch's c10d over Gloo, or over NCCL between GPUs.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR < 2
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#else
#include <torch/csrc/distributed/c10d/Backend.hpp>
#endif

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace locallearn {

struct JoinOptions {
  std::string host;  // of the store
  uint16_t port;
  bool serves_store;   // whether this process is to be the store
  std::string prefix;  // of this group's keys there
  int rank, size;
  std::string backend;    // gloo, nccl
  std::string interface;  // for gloo: of the network; empty: the one that leads to the store
  std::string name;       // of this machine, for the others' messages
  std::chrono::milliseconds timeout;
};

// What was begun; `wait` blocks until it is done and throws where it fails, `finish` runs on the thread that began it.
struct Operation {
  std::function<void()> wait;
  std::function<void()> finish;
};

class Group {
 public:
  // Waits until all ranks are there. Throws where one does not come in time, and names it.
  explicit Group(const JoinOptions& options);
  // Ends what is under way.
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const std::vector<std::string>& hosts() const { return hosts_; }

  // In place; tensors of one dtype.
  Operation all_reduce(std::vector<at::Tensor> tensors, bool mean);
  Operation broadcast(std::vector<at::Tensor> tensors, int from);
  // The tensor dense and row-major.
  Operation send(at::Tensor tensor, int to, int tag);
  Operation receive(at::Tensor tensor, int from, int tag);

  // Lets whatever waits fail at once, here and at the peers.
  void abort();

  // A word for the other ranks' eyes, and theirs; an empty one where there is none. Block as long as the store does not
  // answer.
  void note(const std::string& key, const std::string& value);
  std::vector<std::string> look(const std::vector<std::string>& keys);

 private:
#if TORCH_VERSION_MAJOR < 2
  using Backend = c10d::ProcessGroup;
#else
  using Backend = c10d::Backend;
#endif
  struct Pulse;

  c10::intrusive_ptr<Backend> make_backend(const std::string& prefix) const;
  Backend& backend_for(int tag);
  Operation operation(c10::intrusive_ptr<c10d::Work> work, std::function<void()> finish = nullptr) const;

  const JoinOptions options_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::vector<std::string> hosts_;
  c10::intrusive_ptr<Backend> backend_;
  std::map<int, c10::intrusive_ptr<Backend>> by_tag_;  // NCCL alone
  std::shared_ptr<Pulse> pulse_;
};

// The address by which this machine reaches another.
std::string address_towards(const std::string& host, uint16_t port);

}  // namespace locallearn
