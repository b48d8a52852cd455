// How a peer is measured for the length of one round.
#pragma once

#include <memory>

#include "contest.hpp"
#include "peers/peer.hpp"

namespace bulkhead::bench {

// One call after another in a loop: both sides are hot. One look at the clock per call, which counts.
[[nodiscard]] Slice time_hot_calls(Peer& peer, std::chrono::milliseconds length);

// Calls with a pause before each, so that everybody sleeps: those of all peers in turn, call by call, because what a
// wake-up costs changes from one moment to the next. One slice for each peer.
[[nodiscard]] std::vector<Slice> time_parked_calls(const std::vector<Peer*>& peers, int calls);
inline constexpr std::chrono::milliseconds kPause{3};

// Calls submitted ahead, as many as it takes to fill the time: the value is calls per second, in millions.
// Throws when a peer's results are wrong.
class AheadSlices {
 public:
  AheadSlices(Peer& peer, std::chrono::milliseconds length);
  [[nodiscard]] Slice measure();
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }

 private:
  double run(std::int64_t count);

  Peer* peer_;
  std::int64_t count_ = 1000;
};

[[nodiscard]] Side hot_side(Peer& peer, const Settings& settings);
[[nodiscard]] Side ahead_side(Peer& peer, const Settings& settings);

}  // namespace bulkhead::bench
