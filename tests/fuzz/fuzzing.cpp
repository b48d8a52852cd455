#include "fuzz/fuzzing.hpp"

#include <sanitizer/allocator_interface.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

namespace bulkhead::fuzz {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
thread_local std::size_t limit = kNoLimit;
thread_local std::size_t allocated = 0;

// The sanitizer calls it for operator new and malloc alike.
void count_allocation(const volatile void*, std::size_t size) {
  allocated += size;
  if (allocated <= limit) return;
  std::fprintf(stderr, "FALSE: at most %zu bytes are allocated; it is %zu with these %zu\n", limit, allocated, size);
  limit = kNoLimit;  // the report allocates too
  std::abort();
}
void ignore_free(const volatile void*) {}
const int installed = __sanitizer_install_malloc_and_free_hooks(&count_allocation, &ignore_free);

}  // namespace

void require(bool holds, std::string_view claim) {
  if (holds) return;
  std::fprintf(stderr, "FALSE: %.*s\n", static_cast<int>(claim.size()), claim.data());
  std::abort();
}

AllocationLimit::AllocationLimit(std::size_t bytes) {
  require(installed > 0, "allocations are counted");
  allocated = 0;
  limit = bytes;
}
AllocationLimit::~AllocationLimit() { limit = kNoLimit; }

}  // namespace bulkhead::fuzz
