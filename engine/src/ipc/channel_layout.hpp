// What lies in the memory that the host and one worker share, byte by byte.
//
// Protocol
//
//   Two files, because the kernel seals whole files: the host's, which the worker can only read,
//   and the worker's. Each starts with a header that is written before the worker starts and never
//   again, and continues with the data of the ring that its writer fills.
//
//   HostArea, request ring at kHostAreaBytes: written by the host, read by the worker
//     request_tail   requests published             [publish] in spsc_ring.hpp
//     response_head  responses the host has taken   [release] in spsc_ring.hpp
//     hurry          counts up when somebody begins to wait for what was offered: a wish, orders nothing
//     stops          of record s at [s % kClaims], beside its claim word: what the running task is asked to do; orders
//                    nothing
//
//   WorkerArea, response ring at kWorkerAreaBytes: written by the worker, read by the host
//     request_head   requests the worker has done   [release]
//     response_tail  responses published            [publish]
//     park           its epoch, odd while it sleeps [park] in parking.hpp
//     status_*       what it is doing, and since when: for people, for deciding whom to kill, and (run_*, item) for what a
//                    worker that died had done of a run; orders nothing while it lives
//     claims         the host writes too, to revoke [claim] in claim_table.hpp
//
//   Last words, in the worker's file at kLastWordsOffset: bytes that the worker writes while it lives or crashes, for the
//   host to read when it has ended (protocol/last_words.hpp says what they are); orders nothing
//
//   Output, in the worker's file at kOutputOffset: the latest of what its tasks wrote (protocol/output_tail.hpp)
//
//   PoolPage (one per pool): park, written by the host, read by all its workers
//
// Fields that different sides write never share a cache line.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "ipc/claim_table.hpp"

namespace bulkhead::ipc {

// Not std::hardware_destructive_interference_size: it may differ between two builds that share the
// memory.
inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::uint64_t kChannelMagic = 0x6c656e6e61484b42;  // "BKHannel"
inline constexpr std::uint32_t kChannelVersion = 1;
inline constexpr std::uint64_t kPageBytes = 4096;

// Powers of two.
struct ChannelSizes {
  std::uint32_t request_ring_bytes = 512U << 10;
  std::uint32_t response_ring_bytes = 512U << 10;
};

struct AreaHeader {
  std::uint64_t magic = kChannelMagic;
  std::uint32_t version = kChannelVersion;
  std::uint32_t ring_bytes = 0;
};

struct HostArea {
  AreaHeader header;
  alignas(kCacheLine) std::atomic<std::uint64_t> request_tail{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> response_head{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> hurry{0};
  alignas(kCacheLine) std::array<std::atomic<std::uint32_t>, kClaims> stops{};  // BULKHEAD_STOP_
};

inline constexpr std::uint64_t kNoRun = ~std::uint64_t{0};

struct WorkerArea {
  AreaHeader header;
  alignas(kCacheLine) std::atomic<std::uint64_t> request_head{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> response_tail{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> park{0};
  alignas(kCacheLine) std::atomic<std::uint64_t> status_phase{0};
  std::atomic<std::uint64_t> status_task_id{0};
  std::atomic<std::uint64_t> status_item{0};
  std::atomic<std::int64_t> status_started{0};          // of a timed call's item; CLOCK_MONOTONIC, ns
  std::atomic<std::uint64_t> status_run_first{kNoRun};  // item whose result is the first in the run's room
  std::atomic<std::uint64_t> status_run_offset{0};      // of that room, in the ring's data
  std::atomic<std::uint64_t> status_task{0};            // the task's number, its attempt above
  alignas(kCacheLine) ClaimWords claims{};
};

struct PoolPage {
  AreaHeader header;
  alignas(kCacheLine) std::atomic<std::uint64_t> park{0};
};

// Where the ring's data begins in either file.
inline constexpr std::uint64_t kHostAreaBytes = 2 * kPageBytes;
inline constexpr std::uint64_t kLastWordsOffset = 3 * kPageBytes;
inline constexpr std::uint64_t kLastWordsBytes = 2 * kPageBytes;
inline constexpr std::uint64_t kOutputOffset = kLastWordsOffset + kLastWordsBytes;
inline constexpr std::uint64_t kOutputBytes = 17 * kPageBytes;
inline constexpr std::uint64_t kWorkerAreaBytes = kOutputOffset + kOutputBytes;

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(std::atomic<std::uint64_t>) == 8);
static_assert(std::is_standard_layout_v<HostArea> && std::is_standard_layout_v<WorkerArea> &&
              std::is_standard_layout_v<PoolPage>);
static_assert(sizeof(AreaHeader) == 16);
static_assert(sizeof(HostArea) == 256 + kClaims * 4 && sizeof(HostArea) <= kHostAreaBytes);
static_assert(sizeof(WorkerArea) == 320 + kClaims * 8 && sizeof(WorkerArea) <= kLastWordsOffset);
static_assert(offsetof(HostArea, request_tail) == 64 && offsetof(HostArea, response_head) == 128 &&
              offsetof(HostArea, hurry) == 192);
static_assert(offsetof(WorkerArea, park) == 192 && offsetof(WorkerArea, claims) == 320);
static_assert(sizeof(PoolPage) == 128);

}  // namespace bulkhead::ipc
