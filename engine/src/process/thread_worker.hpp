// A worker that is a thread of this program: the same channel, plugins, states and task loop as in a process of its
// own, without its isolation.
//
// A thread cannot be killed. kill() makes it leave when its task has ended; one that does not get ready, or has not
// ended when its ThreadWorker goes, is left to itself: it owns everything it still uses, and ends some time later.
//
// Ownership: shares with its thread what that uses.
// Threads:   as process/worker.hpp says.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "bulkhead/error.hpp"
#include "process/worker.hpp"

namespace bulkhead::process {

class ThreadWorker final : public Worker {
 public:
  // Creates and attaches the channel. The thread is started by start().
  ThreadWorker(EventLoop& loop, Warden& warden, support::Log& log, std::shared_ptr<const WorkerConfig> config,
               std::uint32_t slot, std::uint64_t generation, Worker::Listener& listener);
  ~ThreadWorker() override;
  ThreadWorker(const ThreadWorker&) = delete;
  ThreadWorker& operator=(const ThreadWorker&) = delete;

  void start() override;

  [[nodiscard]] ipc::HostChannel& channel() noexcept override;
  [[nodiscard]] pid_t pid() const noexcept override;  // the thread's id
  [[nodiscard]] std::uint32_t slot() const noexcept override { return slot_; }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return generation_; }
  [[nodiscard]] bool is_ready() const noexcept override { return is_ready_.load(); }
  [[nodiscard]] bool is_stopped() const noexcept override { return false; }
  void kill(int signal) noexcept override;
  void condemn(std::string why) noexcept override;
  [[nodiscard]] bool send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept override;
  [[nodiscard]] bool grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept override;
  [[nodiscard]] bool send_shared(const protocol::SharedMessage& message, int fd) noexcept override;
  [[nodiscard]] bool answer_shared(bool is_taken) noexcept override;

 private:
  class Life;
  class EndOfThread;

  static void* run_thread(void* life);
  void became_ready();
  void thread_ended();
  void told_to_leave();
  void try_join(support::Deadline deadline);
  void leave_alone(const std::string& why) noexcept;
  void finish();
  void read_socket();
  [[nodiscard]] bool send(std::uint32_t id, std::uint64_t size, bool writable, std::span<const int> fds) noexcept;

  EventLoop& loop_;
  support::Log& log_;
  const std::shared_ptr<const WorkerConfig> config_;
  const std::uint32_t slot_;
  const std::uint64_t generation_;
  Worker::Listener& listener_;
  const std::shared_ptr<Life> life_;

  std::atomic<bool> is_ready_ = false;
  bool is_late_ = false;
  std::atomic<bool> was_told_to_leave_ = false;
  std::mutex mutex_;
  std::string condemned_;  // guarded by mutex_

  // Loop thread only.
  std::optional<pthread_t> thread_;  // not joined and not detached yet
  bool is_left_alone_ = false;
  EventLoop::Watch socket_watch_;
  EventLoop::Timer limit_;
  EventLoop::Timer join_timer_;
};

}  // namespace bulkhead::process
