#include "ipc/fork_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::ipc {

namespace {
std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
}  // namespace

ForkGuard::ForkGuard() {
  void* page =
      BULKHEAD_FAULT_CALL("fork_guard.mmap", ENOMEM, MAP_FAILED,
                          ::mmap(nullptr, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (page == MAP_FAILED) support::raise_system_error(errno, "map a page", "memory");
  if (BULKHEAD_FAULT_CALL("fork_guard.madvise", ENOMEM, -1, ::madvise(page, page_bytes(), MADV_WIPEONFORK)) != 0) {
    const int error_number = errno;
    ::munmap(page, page_bytes());
    support::raise_system_error(error_number, "mark a page as wiped on fork", "memory");
  }
  mark_ = static_cast<std::uint32_t*>(page);
  *mark_ = 1;
}

ForkGuard::~ForkGuard() { ::munmap(mark_, page_bytes()); }

}  // namespace bulkhead::ipc
