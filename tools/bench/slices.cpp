#include "slices.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "clocks.hpp"

namespace bulkhead::bench {

namespace {

constexpr std::size_t kMostSamples = 2'000'000;
constexpr std::int64_t kMostAhead = 2'000'000;

void check(const Peer& peer, bool is_right) {
  if (!is_right) throw std::runtime_error(peer.name() + " gave a wrong result");
}

}  // namespace

Slice time_hot_calls(Peer& peer, std::chrono::milliseconds length) {
  for (const auto end = Clock::now() + length / 10; Clock::now() < end;) check(peer, peer.call(7) == 49);
  const CpuClock cpu(peer.processes());
  Slice slice;
  slice.samples = Samples(kMostSamples);
  const double cpu_before = cpu.read_us();
  const auto begin = Clock::now();
  const auto end = begin + length;
  auto now = begin;
  std::int64_t x = 0;
  bool is_right = true;
  while (now < end && !slice.samples.is_full()) {
    is_right &= peer.call(x) == x * x;
    const auto then = Clock::now();
    slice.samples.add(microseconds(then - now));
    now = then;
    ++x;
  }
  check(peer, is_right);
  slice.cpu_us = (cpu.read_us() - cpu_before) / static_cast<double>(slice.samples.size());
  slice.mean = slice.samples.mean();
  slice.value = slice.samples.median();
  return slice;
}

std::vector<Slice> time_parked_calls(const std::vector<Peer*>& peers, int calls) {
  std::vector<Slice> slices(peers.size());
  std::vector<CpuClock> clocks;
  for (const auto* peer : peers) clocks.emplace_back(peer->processes());
  for (int call = 0; call < calls; ++call) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      std::this_thread::sleep_for(kPause);
      const double cpu_before = clocks[i].read_us();
      const auto begin = Clock::now();
      const auto result = peers[i]->call(call);
      slices[i].samples.add(microseconds(Clock::now() - begin));
      check(*peers[i], result == static_cast<std::int64_t>(call) * call);
      // What it goes on spinning for is part of the price.
      std::this_thread::sleep_for(kPause);
      slices[i].cpu_us += (clocks[i].read_us() - cpu_before) / calls;
    }
  }
  for (auto& slice : slices) {
    slice.value = slice.samples.median();
    slice.mean = slice.samples.mean();
  }
  return slices;
}

AheadSlices::AheadSlices(Peer& peer, std::chrono::milliseconds length) : peer_(&peer) {
  const double wanted = seconds(length);
  for (;;) {
    const double took = run(count_);
    if (took * 2 >= wanted || count_ == kMostAhead) break;
    const double factor = std::clamp(wanted / std::max(took, 1e-9), 1.5, 10.0);
    count_ = std::min(kMostAhead, static_cast<std::int64_t>(static_cast<double>(count_) * factor));
  }
}

Slice AheadSlices::measure() {
  const CpuClock cpu(peer_->processes());
  const double cpu_before = cpu.read_us();
  const double took = run(count_);
  Slice slice;
  slice.cpu_us = (cpu.read_us() - cpu_before) / static_cast<double>(count_);
  slice.value = static_cast<double>(count_) / took / 1e6;
  return slice;
}

double AheadSlices::run(std::int64_t count) {
  const auto begin = Clock::now();
  const auto sum = peer_->call_ahead(count);
  const double took = seconds(Clock::now() - begin);
  check(*peer_, sum == sum_of_squares(count));
  return took;
}

Side hot_side(Peer& peer, const Settings& settings) {
  return {peer.name(), [&peer, length = settings.slice] { return time_hot_calls(peer, length); }};
}

Side ahead_side(Peer& peer, const Settings& settings) {
  auto slices = std::make_shared<AheadSlices>(peer, settings.slice);
  return {peer.name(), [slices] { return slices->measure(); }};
}

}  // namespace bulkhead::bench
