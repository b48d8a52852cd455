// The task loop of a worker: takes calls from the channel, runs them in the plugins, answers.
//
// Ownership: borrows everything it is given; makes the tasks' states and destroys them at a
// shutdown. Threads:   one; plugins are called on it. A task's failure is its reply. What leaves
// the process unfit to go on ends it: see the exit statuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <bulkhead/sdk/abi.h>

#include "ipc/worker_channel.hpp"

namespace bulkhead::worker {

// How a worker ends itself; the host tells these from a task's own exit() by nothing but the
// number.
inline constexpr int kExitForkedChild = 70;  // the child of a task that forked and returned twice
inline constexpr int kExitProtocol = 71;     // the channel or the control socket makes no sense any more
inline constexpr int kExitUnwound = 72;      // a task ended its thread (pthread_exit, pthread_cancel)
inline constexpr int kExitChanged = 74;      // a task changed of the process what cannot be put back

// A task that has its verdict changed of the process what cannot be put back: no other is to run here.
struct ProcessChanged {
  std::uint32_t task_index = 0;
  std::string what;  // "its nice value"
};

// A task that is run once before all others; its result is discarded.
struct InitializerRun {
  std::uint32_t task_index = 0;
  std::uint8_t codec = 0;
  std::span<const std::byte> arguments;
  std::uint64_t status_id = 0;  // what the status shows as the task's id meanwhile
};

// A task under its number (CallHeader::task_index). Without a table: of a plugin that is left out, and never called.
struct TaskToRun {
  const bulkhead_task* task = nullptr;
  const bulkhead_host* host = nullptr;  // what its plugin's load() was given
};

struct ExecutorSetup {
  ipc::WorkerChannel& channel;
  int control_fd;  // borrowed; blocks arrive here
  std::span<const TaskToRun> tasks;
  const InitializerRun* initializer = nullptr;  // null: none
  std::function<void()> say_ready;              // called before the first task, after the initializer
  bool is_put_back = false;                     // what tasks change of the process: ProcessState
};

// Runs until kShutdown; returns the exit status 0, all states destroyed. Throws TaskError when the initializer fails,
// ResourceError when there is not enough to begin with; no task has run then. Throws ProcessChanged between two tasks, all
// states destroyed. Everything else that ends the loop ends the process: kExitProtocol, with the reason on stderr.
[[nodiscard]] int run_tasks(ExecutorSetup& setup);

// The same without an initializer, and with nobody to tell.
[[nodiscard]] int run_tasks(ipc::WorkerChannel& channel, int control_fd, std::span<const TaskToRun> tasks);

}  // namespace bulkhead::worker
