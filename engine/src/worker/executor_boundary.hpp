// Calling into a plugin, and leaving the process from where nothing can be thrown.
#pragma once

#include <cxxabi.h>
#include <unistd.h>

#include <exception>
#include <string_view>

#include "worker/executor.hpp"

namespace bulkhead::worker {

inline constexpr std::string_view kEscapedText = "an exception escaped the plugin's boundary";

// Writes "bulkhead-worker: <why>" to stderr and ends the process with kExitProtocol, at once: no
// destructor of a plugin runs.
[[noreturn]] void end_process(std::string_view why) noexcept;

// Runs `call`, which calls into a plugin. False: a C++ exception came out, which a plugin built
// with the SDK never lets happen. A forced unwind ends the process: were it let through, the thread
// would end and the process, kept alive by its watcher thread, would never answer again.
//
// The sanitizer's check is off because pthread_exit() throws no object: the reference that is
// caught binds to null. (A guard object that compares std::uncaught_exceptions() was tried: a
// plugin that catches the unwind and passes it on, as it must, is counted as an exception.)
template <class Call>
[[nodiscard, gnu::no_sanitize("undefined")]] bool call_plugin(Call&& call) noexcept {
  try {
    call();
    return true;
  } catch (const abi::__forced_unwind&) {
    ::_exit(kExitUnwound);
  } catch (...) {
    return false;
  }
}

// Runs `work` on behalf of a plugin that cannot be thrown through.
template <class Work>
auto serve_plugin(Work&& work) noexcept {
  try {
    return work();
  } catch (const std::exception& error) {
    end_process(error.what());
  }
}

}  // namespace bulkhead::worker
