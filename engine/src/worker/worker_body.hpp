// A worker's life once its channel is attached, in a process of its own or in a thread of the host: plugins,
// initialisers, ready, tasks.
//
// Ownership: borrows everything it is given.
// Threads:   one; the status it writes is for others to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <bulkhead/sdk/abi.h>

#include "bulkhead/error.hpp"
#include "ipc/worker_channel.hpp"
#include "plugin/loader.hpp"
#include "worker/preloaded.hpp"

namespace bulkhead::worker {

struct PluginToRun {
  std::string name;
  std::string shown_path;
  std::string config_json;
  int fd = -1;
  bool is_left_out = false;      // not to be loaded: its tasks are never called
  std::uint32_t task_count = 0;  // as the host knows it
};

struct InitializerToRun {
  std::string task;
  std::uint32_t task_index = 0;
  std::uint8_t codec = 0;
  int arguments_fd = -1;
  std::uint64_t arguments_bytes = 0;
};

class WorkerBody {
 public:
  struct Setup {
    ipc::WorkerChannel& channel;
    int control_fd;
    std::vector<PluginToRun> plugins;
    const Preloaded* preloaded = nullptr;
    std::optional<InitializerToRun> initializer;
    std::function<void()> say_ready;
    bool is_put_back = false;  // what tasks change of the process
  };
  explicit WorkerBody(Setup setup) : setup_(std::move(setup)) {}

  // Returns the exit status of run_tasks(). Throws what made the start fail: PluginError, TaskError, ResourceError; and
  // ProcessChanged.
  [[nodiscard]] int run();

  // What it was at, for the message about a failure. No plugin: the pool's initializer, or nothing yet.
  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] const std::string& plugin() const noexcept { return plugin_; }

 private:
  void enter(Phase phase, std::size_t plugin_index, std::string plugin_name);
  void load();
  void initialise();
  [[nodiscard]] int run_executor();
  [[nodiscard]] std::string task_name(std::uint32_t index) const;

  Setup setup_;
  // By the plugins' numbers; empty for those left out.
  std::vector<std::optional<plugin::LoadedPlugin>> loaded_;
  std::vector<const bulkhead_host*> hosts_;
  Phase phase_ = Phase::kStart;
  std::string plugin_;
};

}  // namespace bulkhead::worker
