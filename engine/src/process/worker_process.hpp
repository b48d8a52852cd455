// A worker in a process of its own: its channel, its handshake, and how it ended.
//
// Ownership: owns channel and process. Destroying it kills the process.
// Threads:   as process/worker.hpp says.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "process/announced_name.hpp"
#include "process/managed_process.hpp"
#include "process/worker.hpp"
#include "process/worker_output.hpp"

namespace bulkhead::process {

class WorkerProcess final : public Worker, private ManagedProcess::Listener {
 public:
  // Creates the channel's memory and doorbell. The process is asked for by start().
  // `from`: see ManagedProcess.
  WorkerProcess(EventLoop& loop, Warden& warden, support::Log& log, std::shared_ptr<const WorkerConfig> config,
                std::uint32_t slot, std::uint64_t generation, Worker::Listener& listener,
                std::shared_ptr<Template> from = nullptr);
  ~WorkerProcess() override;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  void start() override;

  [[nodiscard]] ipc::HostChannel& channel() noexcept override { return channel_; }
  [[nodiscard]] pid_t pid() const noexcept override { return process_.pid(); }
  [[nodiscard]] std::uint32_t slot() const noexcept override { return slot_; }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return generation_; }
  [[nodiscard]] bool is_ready() const noexcept override { return is_ready_.load(); }
  [[nodiscard]] bool is_stopped() const noexcept override { return process_.is_stopped(); }
  void kill(int signal) noexcept override { process_.kill(signal); }
  void condemn(std::string why) noexcept override { process_.condemn(std::move(why)); }
  [[nodiscard]] bool send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept override;
  [[nodiscard]] bool grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept override;
  [[nodiscard]] bool send_shared(const protocol::SharedMessage& message, int fd) noexcept override;
  [[nodiscard]] bool answer_shared(bool is_taken) noexcept override;

 private:
  void said_hello() override;
  void said(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) override;
  void stopped(bool is_stopped) override;
  void ended(const ExitStatus& status, std::string text) override;

  void send_attach();
  void attached();
  void drop_name() noexcept;
  [[nodiscard]] Phase phase() const noexcept;
  [[nodiscard]] std::string doing() const;

  EventLoop& loop_;
  Warden& warden_;
  support::Log& log_;
  const std::shared_ptr<const WorkerConfig> config_;
  const std::uint32_t slot_;
  const std::uint64_t generation_;
  Worker::Listener& listener_;

  // Loop thread only.
  AnnouncedName doorbell_name_;
  bool is_attached_ = false;
  std::string failure_;  // what it said
  Phase failure_phase_ = Phase::kStart;
  std::atomic<bool> is_ready_ = false;
  bool is_late_ = false;
  bool is_cut_off_ = false;

  ipc::HostChannel channel_;
  std::optional<WorkerOutput> output_;  // empty: it is not captured
  ManagedProcess process_;
  EventLoop::Timer limit_;
};

}  // namespace bulkhead::process
