// No signal reaches this thread, nor those that it starts, which inherit that: signals are for the embedder's threads.
//
// Ownership: the thread's signal mask, which is as it was once this is gone.
// Threads:   the one that makes it destroys it.
#pragma once

#include <pthread.h>

#include <csignal>

namespace bulkhead::support {

class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace bulkhead::support
