// One worker: its channel, its handshake, and how it ended.
//
// Ownership: owns channel and process; borrows loop, warden, log and the descriptors of its
//            configuration. Destroying it kills the process and reports nothing any more.
// Threads:   the loop's, but for what is marked. The channel has its own rules.
// Failure:   ResourceError from the constructor. Everything later is told by worker_ended(),
//            exactly once.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ipc/block.hpp"
#include "ipc/host_channel.hpp"
#include "process/event_loop.hpp"
#include "process/exit_reason.hpp"
#include "process/managed_process.hpp"
#include "process/start_method.hpp"
#include "process/warden_client.hpp"

namespace bulkhead::process {

struct PluginToLoad {
  std::string name;
  std::string shown_path;
  int fd = -1;  // borrowed
  std::string config_json;
};

struct WorkerConfig {
  std::vector<PluginToLoad> plugins;
  StartMethod start_method = StartMethod::kForkserver;
  ipc::ChannelSizes ring_sizes{};
  std::uint32_t spin_pauses = 0;
  // Borrowed.
  int pool_page_fd = -1;
  int leader_bell_fd = -1;
  int pump_bell_fd = -1;
  std::chrono::nanoseconds handshake_limit = std::chrono::seconds(10);  // until its channel is attached
  std::chrono::nanoseconds init_limit = std::chrono::seconds(30);       // from there until it is ready
};

class WorkerProcess : private ManagedProcess::Listener {
 public:
  struct Listener {
    virtual ~Listener() = default;
    // Must not destroy it.
    virtual void worker_ready(WorkerProcess& worker) = 0;
    // Exactly once, also when it never started. May destroy it.
    virtual void worker_ended(WorkerProcess& worker, const ExitReason& reason) = 0;
  };

  // Creates the channel's memory and doorbell. The process is asked for by start().
  WorkerProcess(EventLoop& loop, Warden& warden, support::Log& log, std::shared_ptr<const WorkerConfig> config,
                std::uint32_t slot, std::uint64_t generation, Listener& listener);
  ~WorkerProcess() override;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  void start();

  // Any thread may ask for it; what may be done with it is the channel's to say.
  [[nodiscard]] ipc::HostChannel& channel() noexcept { return channel_; }

  // Any thread, all of the following.
  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }  // -1: not known yet
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_.load(); }
  // By SIGSTOP or a terminal.
  [[nodiscard]] bool is_stopped() const noexcept { return process_.is_stopped(); }
  // Nothing once it ended. Before it is known: as soon as it is.
  void kill(int signal) noexcept { process_.kill(signal); }
  // SIGKILL, and the exit reason carries the first `why`.
  void condemn(std::string why) noexcept { process_.condemn(std::move(why)); }
  // Hands the worker a block it does not have. False: it is gone, or has many messages unread:
  // later.
  [[nodiscard]] bool send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept;
  // Grants it a block it has; `size` as when it was sent.
  [[nodiscard]] bool grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept;
  // Answers its wish for a block: there is none.
  [[nodiscard]] bool refuse_block() noexcept;

 private:
  void said_hello() override;
  void said(std::span<const std::byte> message) override;
  void ended(const ExitStatus& status, std::string text) override;

  [[nodiscard]] ipc::HostChannel make_channel() const;
  void send_attach();
  void attached();
  void drop_name();
  [[nodiscard]] Phase phase() const noexcept;
  [[nodiscard]] std::string doing() const;

  EventLoop& loop_;
  Warden& warden_;
  support::Log& log_;
  const std::shared_ptr<const WorkerConfig> config_;
  const std::uint32_t slot_;
  const std::uint64_t generation_;
  Listener& listener_;

  // Loop thread only.
  std::string doorbell_name_;  // while the warden knows it
  bool is_attached_ = false;
  std::string failure_;  // what it said
  Phase failure_phase_ = Phase::kStart;
  std::atomic<bool> is_ready_ = false;

  ipc::HostChannel channel_;
  ManagedProcess process_;
  EventLoop::Timer limit_;
};

}  // namespace bulkhead::process
