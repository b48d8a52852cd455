#include "ipc/shared_segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <utility>

#include "bulkhead/error.hpp"
#include "ipc/available_memory.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::ipc {

namespace bip = boost::interprocess;
using support::UniqueFd;

namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

// What Boost.Interprocess needs to know of a thing it can map.
struct MappableFd {
  int fd;
  [[nodiscard]] bip::mapping_handle_t get_mapping_handle() const {
    return bip::ipcdetail::mapping_handle_from_file_handle(fd);
  }
};

[[noreturn]] void raise_no_memory(const std::string& name, std::uint64_t bytes, int error_number) {
  const std::uint64_t have = available_memory_bytes();
  const std::string hint = "free memory, or ask for fewer workers or smaller rings";
  detail::raise<ResourceError>("cannot reserve " + std::to_string(bytes) + " bytes of shared memory for \"" + name +
                                   "\": " + support::errno_text(error_number) + ", " + std::to_string(have) +
                                   " bytes are available (" + hint + ")",
                               {.resource = "memory", .need = bytes, .have = have, .hint = hint});
}

UniqueFd reserve(const std::string& name, std::uint64_t bytes) {
  if (!can_reserve_memory(bytes)) raise_no_memory(name, bytes, ENOMEM);
  UniqueFd fd(BULKHEAD_FAULT_CALL("segment.memfd_create", EMFILE, -1,
                                  ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (!fd.is_open()) {
    support::raise_system_error(errno, "create shared memory for \"" + name + "\"", "descriptors");
  }
  int error_number = 0;
  do {  // a signal may interrupt a large reservation
    error_number = BULKHEAD_FAULT_CALL("segment.posix_fallocate", ENOSPC, ENOSPC,
                                       ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)));
  } while (error_number == EINTR);
  if (error_number != 0) raise_no_memory(name, bytes, error_number);
  return fd;
}

void add_seals(int fd, const std::string& name, int seals) {
  if (BULKHEAD_FAULT_CALL("segment.add_seals", ENOMEM, -1, ::fcntl(fd, F_ADD_SEALS, seals)) != 0) {
    support::raise_system_error(errno, "seal shared memory for \"" + name + "\"", "memory");
  }
}

}  // namespace

std::uint64_t whole_pages(std::uint64_t bytes) noexcept {
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t rest = bytes % page_bytes;
  return rest == 0 ? bytes : bytes + (page_bytes - rest);
}

SharedSegment::SharedSegment(UniqueFd fd, std::uint64_t bytes, Access access) : fd_(std::move(fd)) {
  const auto mode = access == Access::kReadOnly ? bip::read_only : bip::read_write;
  try {
    BULKHEAD_FAULT_THROW("segment.mmap", ENOMEM, bip::interprocess_exception(bip::error_info(ENOMEM)));
    region_ = std::make_unique<bip::mapped_region>(MappableFd{fd_.get()}, mode, 0, static_cast<std::size_t>(bytes));
  } catch (const bip::interprocess_exception& error) {
    support::raise_system_error(error.get_native_error(), "map " + std::to_string(bytes) + " bytes of shared memory",
                                "memory");
  }
  bytes_ = {static_cast<std::byte*>(region_->get_address()), region_->get_size()};
}

SharedSegment::SharedSegment(SharedSegment&&) noexcept = default;
SharedSegment& SharedSegment::operator=(SharedSegment&&) noexcept = default;
SharedSegment::~SharedSegment() = default;

SharedSegment SharedSegment::create(const std::string& name, std::uint64_t bytes, Seal seal) {
  bytes = whole_pages(bytes);
  SharedSegment segment(reserve(name, bytes), bytes, Access::kReadWrite);
  // Only after our own writable view exists.
  const int write_seal = seal == Seal::kHostWritesOnly ? F_SEAL_FUTURE_WRITE : 0;
  add_seals(segment.fd(), name, kSizeSeals | write_seal | F_SEAL_SEAL);
  return segment;
}

SharedSegment SharedSegment::create_for_peer(const std::string& name, std::uint64_t bytes) {
  bytes = whole_pages(bytes);
  UniqueFd fd = reserve(name, bytes);
  add_seals(fd.get(), name, kSizeSeals | F_SEAL_SEAL);
  return {std::move(fd), bytes, Access::kReadOnly};
}

SharedSegment SharedSegment::attach(UniqueFd fd, std::uint64_t bytes, Access access, OnFork on_fork) {
  bytes = whole_pages(bytes);
  struct stat info {};
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (::fstat(fd.get(), &info) != 0 || seals < 0) {
    detail::raise<UsageError>("cannot attach shared memory: descriptor " + std::to_string(fd.get()) +
                              " is not a memory file");
  }
  if ((seals & kSizeSeals) != kSizeSeals || info.st_size < 0 || static_cast<std::uint64_t>(info.st_size) != bytes) {
    detail::raise<UsageError>("cannot attach shared memory: expected a sealed file of " + std::to_string(bytes) +
                              " bytes, got one of " + std::to_string(info.st_size) +
                              ((seals & kSizeSeals) == kSizeSeals ? "" : " that is not sealed"));
  }
  SharedSegment segment(std::move(fd), bytes, access);
  if (on_fork == OnFork::kHide &&
      BULKHEAD_FAULT_CALL("segment.madvise", ENOMEM, -1,
                          ::madvise(segment.bytes_.data(), segment.bytes_.size(), MADV_DONTFORK)) != 0) {
    support::raise_system_error(errno, "hide shared memory from forked children", "memory");
  }
  return segment;
}

}  // namespace bulkhead::ipc
