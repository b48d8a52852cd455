// One worker as its pool sees it: a channel that is ready at some time and ends once. A process of its own
// (worker_process.hpp) or a thread of this program (thread_worker.hpp).
//
// Ownership: borrows loop, warden, log and the descriptors of its configuration. Destroying one reports nothing any
//            more.
// Threads:   the loop's, but for what is marked. The channel has its own rules.
// Failure:   ResourceError from the constructor. Everything later is told by worker_ended(), exactly once.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ipc/block.hpp"
#include "ipc/host_channel.hpp"
#include "process/event_loop.hpp"
#include "process/exit_reason.hpp"
#include "process/start_method.hpp"
#include "process/warden_client.hpp"
#include "protocol/control.hpp"
#include "protocol/output_reader.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process {

struct PluginToLoad {
  std::string name;
  std::string shown_path;
  int fd = -1;  // borrowed
  std::string config_json;
  std::uint32_t task_count = 0;
  bool is_left_out = false;  // its circuit is open: workers do without it
};

// A task that each worker runs once before it is ready.
struct Initializer {
  std::string task;
  std::uint32_t task_index = 0;  // over the tasks of WorkerConfig::plugins, in their order
  std::uint8_t codec = 0;
  support::UniqueFd arguments;  // in memory that nobody can change
  std::uint64_t arguments_bytes = 0;
};

struct WorkerConfig {
  std::vector<PluginToLoad> plugins;
  std::shared_ptr<const Initializer> initializer;  // null: none
  StartMethod start_method = StartMethod::kForkserver;
  ipc::ChannelSizes ring_sizes{};
  std::uint32_t spin_pauses = 0;
  // Borrowed.
  int pool_page_fd = -1;
  int leader_bell_fd = -1;
  int pump_bell_fd = -1;
  bool captures_output = true;  // of processes; false: they write to the host's stderr
  bool is_put_back = false;     // what tasks change of their process: of processes
  std::chrono::nanoseconds handshake_limit = std::chrono::seconds(10);  // until its channel is attached
  std::chrono::nanoseconds init_limit = std::chrono::seconds(8);        // from there until it is ready
};

class Worker {
 public:
  struct Listener {
    virtual ~Listener() = default;
    // Must not destroy it.
    virtual void worker_ready(Worker& worker) = 0;
    // It wrote this. Any thread of a worker that is a thread; before worker_ended().
    virtual void worker_wrote([[maybe_unused]] Worker& worker, [[maybe_unused]] const protocol::OutputLine& line) {}
    // Its next result names this array, and it waits for answer_shared().
    virtual void worker_gave_shared([[maybe_unused]] Worker& worker,
                                    [[maybe_unused]] const protocol::SharedMessage& message,
                                    [[maybe_unused]] support::UniqueFd fd) {}
    // Exactly once, also when it never started. May destroy it.
    virtual void worker_ended(Worker& worker, const ExitReason& reason) = 0;
  };

  virtual ~Worker() = default;

  virtual void start() = 0;

  // Any thread may ask for it; what may be done with it is the channel's to say.
  [[nodiscard]] virtual ipc::HostChannel& channel() noexcept = 0;

  // Any thread, all of the following.
  [[nodiscard]] virtual pid_t pid() const noexcept = 0;  // -1: not known yet
  [[nodiscard]] virtual std::uint32_t slot() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t generation() const noexcept = 0;
  [[nodiscard]] virtual bool is_ready() const noexcept = 0;
  // By SIGSTOP or a terminal.
  [[nodiscard]] virtual bool is_stopped() const noexcept = 0;
  // Nothing once it ended. Before it is known: as soon as it is. A thread only leaves when its task has ended.
  virtual void kill(int signal) noexcept = 0;
  // SIGKILL, and the exit reason carries the first `why`.
  virtual void condemn(std::string why) noexcept = 0;
  // Hands the worker a block it does not have. False: it is gone, or has many messages unread: later.
  [[nodiscard]] virtual bool send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept = 0;
  // Grants it a block it has; `size` as when it was sent.
  [[nodiscard]] virtual bool grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept = 0;
  // Hands it a shared array that it does not have, to read or also to write. False: as send_block().
  [[nodiscard]] virtual bool send_shared(const protocol::SharedMessage& message, int fd) noexcept = 0;
  // Answers worker_gave_shared(). False: as send_block().
  [[nodiscard]] virtual bool answer_shared(bool is_taken) noexcept = 0;
  // Answers its wish for a block: there is none.
  [[nodiscard]] bool refuse_block() noexcept { return grant_known_block(0, 0, true); }
};

class Template;

// The kind that the configuration's start method asks for; a process is forked from the template, if there is one and it is
// ready.
[[nodiscard]] std::unique_ptr<Worker> make_worker(EventLoop& loop, Warden& warden, support::Log& log,
                                                  std::shared_ptr<const WorkerConfig> config, std::uint32_t slot,
                                                  std::uint64_t generation, Worker::Listener& listener,
                                                  std::shared_ptr<Template> from = nullptr);

}  // namespace bulkhead::process
