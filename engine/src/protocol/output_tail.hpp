// The latest of what a worker's tasks wrote (to stdout and stderr, and by log()), in memory that outlives the worker.
//
// Protocol
//   A ring in which the newest bytes take the place of the oldest: the worker never waits for the host, and what the host
//   did not read in time it can count. Positions count the bytes ever written; byte p lies at [p % kSize].
//   written   bytes that are whole; changed by the worker [tail]
//   reserved  bytes that are whole or being written: those at [reserved - kSize, written) are still what they were
//   Before the worker has bytes written to its reservation it fills it with zeros. So who finds it dead with more reserved
//   than written sees whether the kernel had moved them from the pipe already.
//
//   The bytes are text, with marks between: kMarkBegin, fields, kMarkEnd (OutputMark). One with a level begins a line of
//   log(), which ends at the next newline; one without tells of what follows where it comes from.
//
// Any bytes may lie there: the host copies, and believes none.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "ipc/channel_layout.hpp"

namespace bulkhead::protocol {

struct OutputTail {
  static constexpr std::size_t kSize = 64 * 1024;
  std::atomic<std::uint64_t> reserved;
  std::atomic<std::uint64_t> written;
  std::array<char, kSize> bytes{};
};
static_assert(std::is_standard_layout_v<OutputTail> && sizeof(OutputTail) <= ipc::kOutputBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// The tail that lives in these bytes, which are an ipc channel's output.
[[nodiscard]] OutputTail& output_tail_in(std::span<std::byte> bytes) noexcept;

// Where the bytes behind it come from.
struct OutputMark {
  std::optional<std::uint8_t> level;  // of a line of log(), a BULKHEAD_LOG_ value
  std::uint8_t phase = 0;             // a bulkhead::Phase
  std::uint32_t task = 0;             // its number; of the last task, when the phase is kIdle
  std::uint32_t attempt = 0;
  std::uint64_t task_id = 0;
  std::string_view plugin;  // of a line of log(); a name, so at most 64 characters
};

inline constexpr char kMarkBegin = '\x1e';
inline constexpr char kMarkEnd = '\x1f';
inline constexpr std::size_t kMaxMarkBytes = 160;

// Returns the mark's size. Async-signal-safe.
[[nodiscard]] std::size_t write_mark(std::span<char, kMaxMarkBytes> to, const OutputMark& mark) noexcept;
// `text`: what lies between the two characters, which `mark.plugin` then points into. nullopt: it is none.
[[nodiscard]] std::optional<OutputMark> read_mark(std::string_view text) noexcept;

}  // namespace bulkhead::protocol
