#include "plugin/private_copy.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::plugin {

namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

[[noreturn]] void fail(int error_number, const std::string& name, std::size_t size) {
  if (error_number == ENOSPC || error_number == ENOMEM || error_number == EFBIG) {
    detail::raise<ResourceError>("no memory for the private copy of \"" + name + "\": " + std::to_string(size) +
                                     " bytes needed (free memory, or raise the control group's limit)",
                                 {.resource = "memory", .need = size, .hint = "free memory"});
  }
  support::raise_system_error(error_number, "copy \"" + name + "\" into memory", "memory");
}

}  // namespace

support::UniqueFd make_private_copy(std::span<const std::byte> bytes, const std::string& name) {
  support::UniqueFd fd(BULKHEAD_FAULT_CALL("copy.memfd_create", EMFILE, -1,
                                           ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!fd.is_open()) fail(errno, name, bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t wrote =
        BULKHEAD_FAULT_CALL("copy.write", ENOSPC, ssize_t{-1},
                            ::pwrite(fd.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done)));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail(errno, name, bytes.size());
    if (wrote == 0) fail(ENOSPC, name, bytes.size());
    done += static_cast<std::size_t>(wrote);
  }
  if (BULKHEAD_FAULT_CALL("copy.add_seals", ENOMEM, -1, ::fcntl(fd.get(), F_ADD_SEALS, kSeals)) != 0) {
    fail(errno, name, bytes.size());
  }
  return fd;
}

bool is_private_copy(int fd) noexcept {
  // Files on a tmpfs have seals too (that no more may be added): only ours have all four. There may
  // be more: vm.memfd_noexec adds one of its own.
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

}  // namespace bulkhead::plugin
