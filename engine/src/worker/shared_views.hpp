// The shared arrays that the host sent: each mapped once, for reading, for writing, or once for each.
//
// Ownership: the table holds each view until the host says that nobody needs it; the plugin holds those that it opened, as
//            long as it likes. The last of the two unmaps.
// Threads:   the worker's; what the plugin opened, it may release in any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include <bulkhead/sdk/abi.h>

#include "support/unique_fd.hpp"

namespace bulkhead::worker {

class SharedViews {
 public:
  SharedViews() = default;
  SharedViews(const SharedViews&) = delete;
  SharedViews& operator=(const SharedViews&) = delete;
  ~SharedViews();

  // Maps it. One that is there already stays as it is. Throws UsageError for a file that is not such memory, ResourceError.
  void add(std::uint64_t id, support::UniqueFd fd, std::uint64_t bytes, bool is_writable);
  // What bulkhead_call::open_shared() does. False: the host sent no such memory.
  [[nodiscard]] bool open(std::uint64_t id, bool is_writable, bulkhead_shared& out) const noexcept;
  // Lets go of its views.
  void drop(std::uint64_t id) noexcept;

 private:
  struct View;
  struct Views {
    View* reading = nullptr;
    View* writing = nullptr;
  };
  std::unordered_map<std::uint64_t, Views> views_;
};

}  // namespace bulkhead::worker
