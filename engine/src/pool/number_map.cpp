#include "bulkhead/detail/number_map.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

namespace bulkhead::detail {

std::size_t chunks_on_their_way(std::size_t workers, std::size_t chunk_bytes) noexcept {
  // Of small chunks more: what they hold must outlast a wake-up of the host.
  constexpr std::size_t kBytes = std::size_t{256} << 10;
  constexpr std::size_t kMost = 1024;
  return std::max(2 * workers + 1, std::min(kMost, kBytes / std::max<std::size_t>(1, chunk_bytes)));
}

// Fresh memory costs more than what is copied into it: the kernel finds, clears and maps each page of it at its first
// write. Pages of 2 MiB are found at a tenth of that.
void expect_to_fill(void* memory, std::size_t bytes) noexcept {
  // From this size on malloc() maps memory that it unmaps again: the wish ends with it.
  constexpr std::size_t kMapped = std::size_t{32} << 20;
  constexpr std::uintptr_t kHugePage = std::uintptr_t{2} << 20;
  if (bytes < kMapped) return;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (address + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t last = (address + bytes) / kHugePage * kHugePage;
  if (first >= last) return;
  // A wish: where the kernel has no such pages, nothing is different.
  (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

}  // namespace bulkhead::detail
