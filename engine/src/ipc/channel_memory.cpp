#include "ipc/channel_memory.hpp"

#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::ipc {

namespace {

constexpr std::uint32_t kMinRingBytes = 4U << 10;
constexpr std::uint32_t kMaxRingBytes = 1U << 30;

void check_size(const char* which, std::uint32_t bytes) {
  if (std::has_single_bit(bytes) && bytes >= kMinRingBytes && bytes <= kMaxRingBytes) return;
  detail::raise<UsageError>("cannot make a channel with a " + std::string(which) + " ring of " + std::to_string(bytes) +
                            " bytes: it must be a power of two from 4 KiB to 1 GiB");
}

template <class Area>
Area* area_of(const SharedSegment& segment) {
  return std::launder(reinterpret_cast<Area*>(segment.bytes().data()));
}

void check_header(const char* what, const AreaHeader& header, std::uint32_t ring_bytes) {
  if (header.magic != kChannelMagic) {
    detail::raise<UsageError>("cannot attach the " + std::string(what) + ": it does not start with a channel's mark");
  }
  if (header.version != kChannelVersion) {
    detail::raise<UsageError>("cannot attach the " + std::string(what) + ": its version is " +
                              std::to_string(header.version) + ", this program's is " +
                              std::to_string(kChannelVersion) + " (host and worker must come from one installation)");
  }
  if (header.ring_bytes != ring_bytes) {
    detail::raise<UsageError>("cannot attach the " + std::string(what) + ": its ring has " +
                              std::to_string(header.ring_bytes) + " bytes, not " + std::to_string(ring_bytes));
  }
}

}  // namespace

ChannelMemory::ChannelMemory(SharedSegment host_segment, SharedSegment worker_segment) noexcept
    : host_segment_(std::move(host_segment)),
      worker_segment_(std::move(worker_segment)),
      host_(area_of<HostArea>(host_segment_)),
      worker_(area_of<WorkerArea>(worker_segment_)) {}

ChannelMemory ChannelMemory::create(ChannelSizes sizes) {
  check_size("request", sizes.request_ring_bytes);
  check_size("response", sizes.response_ring_bytes);
  auto host =
      SharedSegment::create("bulkhead-requests", kHostAreaBytes + sizes.request_ring_bytes, Seal::kHostWritesOnly);
  auto worker = SharedSegment::create("bulkhead-responses", kWorkerAreaBytes + sizes.response_ring_bytes, Seal::kPlain);
  auto* host_area = new (host.bytes().data()) HostArea;
  auto* worker_area = new (worker.bytes().data()) WorkerArea;
  BULKHEAD_FAULT_POINT("channel.fill");
  host_area->header.ring_bytes = sizes.request_ring_bytes;
  worker_area->header.ring_bytes = sizes.response_ring_bytes;
  return {std::move(host), std::move(worker)};
}

ChannelMemory ChannelMemory::attach(support::UniqueFd host_memory, support::UniqueFd worker_memory,
                                    ChannelSizes sizes) {
  check_size("request", sizes.request_ring_bytes);
  check_size("response", sizes.response_ring_bytes);
  ChannelMemory memory(SharedSegment::attach(std::move(host_memory), kHostAreaBytes + sizes.request_ring_bytes,
                                             Access::kReadOnly, OnFork::kHide),
                       SharedSegment::attach(std::move(worker_memory), kWorkerAreaBytes + sizes.response_ring_bytes,
                                             Access::kReadWrite, OnFork::kHide));
  check_header("host's memory", memory.host().header, sizes.request_ring_bytes);
  check_header("worker's memory", memory.worker().header, sizes.response_ring_bytes);
  return memory;
}

LastingMemory map_lasting_memory(int worker_memory_fd) {
  // From the file's beginning: a page may be larger than ours.
  void* const at =
      BULKHEAD_FAULT_CALL("last_words.mmap", ENOMEM, MAP_FAILED,
                          ::mmap(nullptr, kWorkerAreaBytes, PROT_READ | PROT_WRITE, MAP_SHARED, worker_memory_fd, 0));
  if (at == MAP_FAILED) support::raise_system_error(errno, "map the worker's lasting memory", "memory");
  ::madvise(at, kWorkerAreaBytes, MADV_DONTFORK);
  const std::span all(static_cast<std::byte*>(at), kWorkerAreaBytes);
  return {.area = *std::launder(reinterpret_cast<const WorkerArea*>(all.data())),
          .last_words = all.subspan(kLastWordsOffset, kLastWordsBytes),
          .output = all.subspan(kOutputOffset, kOutputBytes)};
}

SharedSegment attach_pool_page(support::UniqueFd page) {
  auto segment = SharedSegment::attach(std::move(page), kPageBytes, Access::kReadOnly, OnFork::kHide);
  check_header("pool's page", pool_page(segment).header, 0);
  return segment;
}

const PoolPage& pool_page(const SharedSegment& segment) noexcept { return *area_of<const PoolPage>(segment); }

}  // namespace bulkhead::ipc
