// Signals of this process, as they were: the calling thread's mask and signal stack, what is done about each signal, and
// the timers that send some.
//
// Ownership: nothing of the kernel's.
// Threads:   the one that made it.
#pragma once

#include <sys/time.h>
#include <csignal>

#include <array>

namespace bulkhead::worker {

class SignalState {
 public:
  // As they are now.
  SignalState() noexcept;

  // Makes them so again. A timer that was not running is stopped, and what a timer or the process itself sent while
  // only a task had it blocked is dropped: it would end a process that has done nothing. Not what others send to end
  // one (SIGTERM and its like).
  void put_back() const noexcept;

 private:
  static constexpr std::array kTimers{ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

  void put_timers_back() const noexcept;
  void put_actions_back() const noexcept;
  void put_mask_back() const noexcept;

  sigset_t mask_{};
  stack_t stack_{};
  std::array<struct sigaction, NSIG> actions_{};
  std::array<bool, NSIG> has_action_{};  // the C library keeps some for itself
  std::array<itimerval, kTimers.size()> timers_{};
};

}  // namespace bulkhead::worker
