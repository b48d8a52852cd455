// What a task may change of the process it runs in, as it was before the first task: for workers that put it back
// (PoolOptions::hygiene).
//
// It is: signals (signal_state.hpp), file mode mask, working directory, floating point environment, locale, resource
// limits, environment, nice value. Not: memory, descriptors, threads, timers of timer_create(), identity, namespaces.
//
// Ownership: a descriptor of the working directory.
// Threads:   the one that runs the tasks; its own mask, nice value and so on are meant.
#pragma once

#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <cfenv>
#include <locale>
#include <string>

#include <locale.h>

#include "support/unique_fd.hpp"
#include "worker/environment_state.hpp"
#include "worker/signal_state.hpp"

namespace bulkhead::worker {

class ProcessState {
 public:
  // As it is now. Throws ResourceError when the working directory cannot be held.
  ProcessState();
  ProcessState(const ProcessState&) = delete;
  ProcessState& operator=(const ProcessState&) = delete;

  // Makes it so again. What could not be put back, as words for a sentence ("its resource limit nofile, its nice value");
  // empty: everything was. Some 25 µs when nothing was changed: 85 system calls.
  [[nodiscard]] std::string put_back();

 private:
  [[nodiscard]] bool put_folder_back() const noexcept;
  [[nodiscard]] bool put_locale_back() const;
  // The number of a limit that could not be raised again; -1: none.
  [[nodiscard]] int put_limits_back() const noexcept;
  [[nodiscard]] bool put_nice_value_back() const noexcept;

  SignalState signals_;
  mode_t file_mode_mask_;
  support::UniqueFd folder_;
  struct stat folder_status_ {};
  fenv_t floating_point_{};
  std::locale cpp_locale_;
  std::string c_locale_;
  locale_t thread_locale_;
  std::array<rlimit, RLIM_NLIMITS> limits_{};
  int nice_value_;
  EnvironmentState environment_;
};

}  // namespace bulkhead::worker
