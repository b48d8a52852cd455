// The processes that this program's engine has started, as /proc tells of them: the engine itself names its workers
// only, and a number alone may belong to somebody else a moment later.
//
// Ownership and threads: plain functions, any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bulkhead::cli {

// A descriptor that leads to a process. Move-only; closes it.
class ProcessHandle {
 public:
  // A process of this number, if there is one just now.
  explicit ProcessHandle(pid_t pid);
  ProcessHandle(ProcessHandle&& other) noexcept;
  ProcessHandle& operator=(ProcessHandle&& other) noexcept;
  ~ProcessHandle();

  // The engine watches that very process, and nobody has reaped it. So its number was not given to another between
  // the engine's hearing of it and this handle: whatever is sent through the handle hits the engine's own.
  [[nodiscard]] bool is_engines_own() const;
  // False when the process has ended.
  bool send(int signal) const noexcept;

 private:
  pid_t pid_;
  int fd_;
};

// The engine's warden; 0 while there is none.
[[nodiscard]] pid_t find_warden();

// Gives this program's environment an entry of its own, which all that it starts inherits: warden, workers, and what
// tasks leave behind. Before the engine is made, and while there is one thread.
void mark_environment();
// The running processes whose environment has the entry, but for this one. Not seen: copies of this process (start
// method fork), which keep the environment that it was started with.
[[nodiscard]] std::vector<pid_t> marked_processes();

}  // namespace bulkhead::cli
