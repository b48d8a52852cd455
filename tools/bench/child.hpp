// Processes that this one starts for a measurement.
//
// Ownership: a Child is killed and reaped by its destructor, and by the kernel should this process die first.
// Threads:   only the main thread starts children: the kernel ties their lives to the thread that made them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace bulkhead::bench {

class Child {
 public:
  // Runs `body` in a copy of this process; then the copy ends without running destructors.
  [[nodiscard]] static Child fork_and_run(const std::function<void()>& body);
  // Runs a program (found on $PATH) with these descriptors as its standard streams.
  [[nodiscard]] static Child run_program(const std::vector<std::string>& words, int in, int out, int err = 2);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Its exit code, 128 + the signal that ended it, or -1 when `limit` passed and it had to be killed.
  int wait(std::chrono::milliseconds limit);

 private:
  explicit Child(pid_t pid) noexcept : pid_(pid) {}
  pid_t pid_ = -1;  // -1: reaped or moved away
};

// Whether a program of this name is on $PATH.
[[nodiscard]] bool is_program(const std::string& name);

}  // namespace bulkhead::bench
