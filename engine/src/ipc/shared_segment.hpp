// A nameless piece of memory that two processes map: a sealed memfd and this process's view of it.
//
// Ownership: owns the descriptor and the mapping; both end with the object. The peer's view lives
//            on.
// Threads:   immutable after construction; what lies in the bytes is the user's business.
//
// Memory is reserved at creation: a full machine is an error there, never a SIGBUS or a killed
// process later (as far as that can be known: see available_memory.hpp). Sizes are whole pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "support/unique_fd.hpp"

namespace boost::interprocess {
class mapped_region;
}

namespace bulkhead::ipc {

// Who may write: decided once, enforced by the kernel through seals nobody can remove.
enum class Seal : std::uint8_t {
  kPlain,           // nobody can change the size
  kHostWritesOnly,  // and nobody but the creator can map it writable
};
enum class Access : std::uint8_t { kReadOnly, kReadWrite };
// kHide: a forked child does not see the mapping (a task's fork must not write into its parent's
// rings).
enum class OnFork : std::uint8_t { kInherit, kHide };

class SharedSegment {
 public:
  // `name` is only seen in /proc. The view is writable and zero-filled.
  // Throws ResourceError: "memory" (need, have), "descriptors".
  [[nodiscard]] static SharedSegment create(const std::string& name, std::uint64_t bytes, Seal seal);
  // As create(), but the creator's own view is read-only: the peer writes.
  [[nodiscard]] static SharedSegment create_for_peer(const std::string& name, std::uint64_t bytes);
  // Maps what a peer sent. Throws UsageError when it is not a sealed memory file of that size,
  // ResourceError when it cannot be mapped.
  [[nodiscard]] static SharedSegment attach(support::UniqueFd fd, std::uint64_t bytes, Access access,
                                            OnFork on_fork = OnFork::kInherit);

  SharedSegment(SharedSegment&&) noexcept;
  SharedSegment& operator=(SharedSegment&&) noexcept;
  ~SharedSegment();

  // Writing through a read-only view is a SIGSEGV.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  SharedSegment(support::UniqueFd fd, std::uint64_t bytes, Access access);

  support::UniqueFd fd_;
  std::unique_ptr<boost::interprocess::mapped_region> region_;
  std::span<std::byte> bytes_;
};

// Rounded up to whole pages.
[[nodiscard]] std::uint64_t whole_pages(std::uint64_t bytes) noexcept;

}  // namespace bulkhead::ipc
