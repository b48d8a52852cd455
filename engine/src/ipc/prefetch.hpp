// Asking for a cache line before it is written.
#pragma once

namespace bulkhead::ipc {

// The line is fetched to be owned by this processor, while it does something else. Any address: nothing is read or written.
inline void prefetch_to_write(const void* address) noexcept {
#if defined(__x86_64__)
  // g++ makes a fetch for reading of __builtin_prefetch(…, 1) unless it may assume a processor that has this; processors
  // without it take it for a no-op.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace bulkhead::ipc
