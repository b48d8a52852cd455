// The failure of a task that took too long, and its sentence.
#pragma once

#include <chrono>

#include "pool/completion.hpp"

namespace bulkhead::pool {

enum class Lateness : std::uint8_t {
  kQueued,    // its deadline passed before a worker began it
  kDeadline,  // its deadline passed while it ran
  kTimeout,   // it ran longer than it may
  kSoft,      // it stopped by itself after its soft limit
};

// `limit`: that passed, unless it is the deadline. `waited`: how long it ran, or (kQueued) was queued.
[[nodiscard]] Failure late_failure(const Call& call, std::chrono::nanoseconds limit, Lateness lateness,
                                   std::chrono::nanoseconds waited);

// The run time a reply tells (protocol::ReplyHeader::run_time).
[[nodiscard]] std::chrono::nanoseconds ran_for(std::uint16_t run_time) noexcept;

}  // namespace bulkhead::pool
