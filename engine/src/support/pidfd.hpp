// Processes by descriptor: a pid can be another process's by the time it is used, a pidfd never.
//
// By system call: glibc 2.36 declares its wrappers without extern "C", so that C++ cannot link
// them.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "support/fault_point.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::support {

// Not open, and errno set, when there is no such process or no descriptor left. Close-on-exec.
[[nodiscard]] inline UniqueFd open_pidfd(pid_t pid) noexcept {
  return UniqueFd(BULKHEAD_FAULT_CALL("pidfd.open", EMFILE, -1, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
}

// False, and errno set: ESRCH when it has ended.
inline bool signal_pidfd(int pidfd, int signal) noexcept {
  BULKHEAD_FAULT_POINT("pidfd.signal");
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

}  // namespace bulkhead::support
