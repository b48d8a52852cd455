// Calling into a plugin, and leaving the process from where nothing can be thrown.
#pragma once

#include <cxxabi.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <string_view>

#include "worker/executor.hpp"

namespace bulkhead::worker {

inline constexpr std::string_view kEscapedText = "an exception escaped the plugin's boundary";

// While it lives, the calling thread is a worker in the host's process, which must survive whatever happens to it.
class GuestThread {
 public:
  GuestThread() noexcept;
  ~GuestThread();
  GuestThread(const GuestThread&) = delete;
  GuestThread& operator=(const GuestThread&) = delete;
};
[[nodiscard]] bool is_guest_thread() noexcept;

// A guest thread cannot go on, and is to end.
struct GuestLeaves {
  std::string why;
};

// Writes "bulkhead-worker: <why>" to stderr and ends the process with kExitProtocol, at once: no
// destructor of a plugin runs. In a guest thread it throws GuestLeaves instead.
[[noreturn]] void end_process(std::string_view why);

// Runs `call`, which calls into a plugin. False: a C++ exception came out, which a plugin built
// with the SDK never lets happen. A forced unwind ends the process: were it let through, the thread
// would end and the process, kept alive by its watcher thread, would never answer again. A guest
// thread it ends alone.
//
// The sanitizer's check is off because pthread_exit() throws no object: the reference that is
// caught binds to null. (A guard object that compares std::uncaught_exceptions() was tried: a
// plugin that catches the unwind and passes it on, as it must, is counted as an exception.)
template <class Call>
[[nodiscard, gnu::no_sanitize("undefined")]] bool call_plugin(Call&& call) {
  try {
    call();
    return true;
  } catch (const abi::__forced_unwind&) {
    if (is_guest_thread()) throw;
    ::_exit(kExitUnwound);
  } catch (...) {
    return false;
  }
}

// Runs `work` on behalf of a plugin that cannot be thrown through. A guest thread that cannot go on answers what is
// no pointer and no success, and leaves when the plugin has returned.
template <class Work>
auto serve_plugin(Work&& work) noexcept {
  using Answer = decltype(work());
  try {
    return work();
  } catch (const std::exception& error) {
    if (!is_guest_thread()) end_process(error.what());
  } catch (const GuestLeaves&) {
  }
  return Answer();
}

}  // namespace bulkhead::worker
