// Tells a process from a child that it forked, without a system call.
//
// One page that the kernel wipes in forked children. Threads: any.
#pragma once

#include <cstdint>

namespace bulkhead::ipc {

class ForkGuard {
 public:
  // Throws ResourceError "memory".
  ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard();

  // True in a forked child of the process that made this object, and in its children.
  [[nodiscard]] bool is_forked_child() const noexcept {
    // volatile: fork() changes it behind the compiler's back.
    return *static_cast<const volatile std::uint32_t*>(mark_) == 0;
  }

 private:
  std::uint32_t* mark_;
};

}  // namespace bulkhead::ipc
