#include "support/fork_epoch.hpp"

#include <pthread.h>

#include <atomic>

namespace bulkhead::support {

namespace {
std::atomic<std::uint32_t> forks{0};
}

std::uint32_t fork_epoch() noexcept {
  // Without memory for the handler, copies go unnoticed; nothing else depends on it.
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });
  (void)registered;
  return forks.load(std::memory_order_relaxed);  // relaxed: changes only in a child, before it has threads
}

}  // namespace bulkhead::support
