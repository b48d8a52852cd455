#include "failing_allocations.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>

// Where this program lies, says the linker.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace bulkhead::test {

namespace {

struct AllocationPlan {
  support::FaultRole role = support::FaultRole::kHost;
  std::uint64_t site = 0;  // 0: nothing is planned
  std::uint32_t passage = 0;
  bool goes_on = false;
};

constinit AllocationCounts* allocation_counts = nullptr;  // null: not yet, or not asked for
constinit AllocationPlan allocation_plan;
// How deep the thread is in what does not count.
thread_local constinit int exempt_depth = 0;

AllocationPlan read_allocation_plan() noexcept {
  const char* const given = std::getenv("BULKHEAD_FAULT");
  if (given == nullptr) return {};
  const std::string_view text = given;
  const auto colon = text.find(':');
  const auto equals = text.find("=fail@");
  if (colon == std::string_view::npos || equals == std::string_view::npos) return {};
  std::string_view point = text.substr(colon + 1, equals - colon - 1);
  if (!point.starts_with(kAllocationPoint)) return {};
  point.remove_prefix(kAllocationPoint.size());
  AllocationPlan plan;
  for (std::size_t role = 0; role < support::kFaultRoles.size(); ++role) {
    if (text.substr(0, colon) == support::kFaultRoles[role]) plan.role = static_cast<support::FaultRole>(role);
  }
  std::from_chars(point.data(), point.data() + point.size(), plan.site, 16);
  const std::string_view passage = text.substr(equals + 6);
  std::from_chars(passage.data(), passage.data() + passage.size(), plan.passage);
  plan.goes_on = passage.ends_with('+');
  return plan;
}

struct Callers {
  std::array<std::uint32_t, AllocationCounts::kCallers> offsets{};
  std::size_t count = 0;
};

_Unwind_Reason_Code note_caller(_Unwind_Context* context, void* to) noexcept {
  auto& callers = *static_cast<Callers*>(to);
  const auto at = _Unwind_GetIP(context);
  const auto begin = reinterpret_cast<std::uintptr_t>(&__executable_start);
  const auto end = reinterpret_cast<std::uintptr_t>(&etext);
  if (at > begin && at < end) callers.offsets[callers.count++] = static_cast<std::uint32_t>(at - begin);
  return callers.count == callers.offsets.size() ? _URC_END_OF_STACK : _URC_NO_REASON;
}

// FNV-1a. Never 0.
std::uint64_t site_of(const Callers& callers) noexcept {
  std::uint64_t hash = 14695981039346656037u;
  for (std::size_t i = 0; i < callers.count; ++i) hash = (hash ^ callers.offsets[i]) * 1099511628211u;
  return hash | 1;
}

AllocationCounts::Site* find_site(const Callers& callers) noexcept {
  const std::uint64_t id = site_of(callers);
  for (std::size_t i = 0; i < AllocationCounts::kSites; ++i) {
    auto& site = allocation_counts->sites[(id + i) % AllocationCounts::kSites];
    std::uint64_t seen = 0;
    if (site.id.compare_exchange_strong(seen, id)) {
      for (std::size_t at = 0; at < callers.count; ++at) site.callers[at] = callers.offsets[at];
      return &site;
    }
    if (seen == id) return &site;
  }
  ++allocation_counts->overflowed;
  return nullptr;
}

// True: this one is to fail.
bool pass_allocation() noexcept {
  if (allocation_counts == nullptr || exempt_depth > 0) return false;
  const OwnAllocations own;  // should unwinding allocate
  const int error = errno;
  Callers callers;
  _Unwind_Backtrace(note_caller, &callers);
  errno = error;
  auto* const site = find_site(callers);
  if (site == nullptr) return false;
  const auto role = support::fault_role();
  const std::uint32_t passage = ++site->passed[static_cast<std::size_t>(role)];
  const AllocationPlan& plan = allocation_plan;
  if (plan.site != site->id || plan.role != role || plan.passage == 0) return false;
  if (passage != plan.passage && !(plan.goes_on && passage > plan.passage)) return false;
  ++allocation_counts->fired;
  return true;
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (pass_allocation()) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const at = allocate(size, alignment);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}

}  // namespace

void count_allocations() noexcept {
  const char* const path = std::getenv("BULKHEAD_FAULT_ALLOCATIONS");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(AllocationCounts)) != 0) ::_exit(99);
  void* const at = ::mmap(nullptr, sizeof(AllocationCounts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (at == MAP_FAILED) ::_exit(99);
  allocation_plan = read_allocation_plan();
  // A file of zeros is what an empty one is.
  allocation_counts = static_cast<AllocationCounts*>(at);
}

void forget_allocations() noexcept { allocation_counts = nullptr; }

OwnAllocations::OwnAllocations() noexcept { ++exempt_depth; }
OwnAllocations::~OwnAllocations() { --exempt_depth; }

std::string allocation_point(std::uint64_t site) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(site));
  return std::string(kAllocationPoint) + text.data();
}

}  // namespace bulkhead::test

using bulkhead::test::allocate;
using bulkhead::test::allocate_or_throw;

constexpr std::size_t kPlain = alignof(std::max_align_t);

void* operator new(std::size_t size) { return allocate_or_throw(size, kPlain); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, kPlain); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, kPlain); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, kPlain); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { std::free(at); }
void operator delete[](void* at, const std::nothrow_t&) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t, const std::nothrow_t&) noexcept { std::free(at); }
void operator delete[](void* at, std::align_val_t, const std::nothrow_t&) noexcept { std::free(at); }
