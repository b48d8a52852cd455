#include <deque>
#include <future>

#include "peers/peer.hpp"

namespace bulkhead::bench {

namespace {

// Threads at the same time: more only cost memory.
constexpr std::size_t kThreadsAhead = 64;

class StdAsync final : public Peer {
 public:
  StdAsync() : Peer("std::async, a thread per call") {}

  std::int64_t call(std::int64_t x) override { return std::async(std::launch::async, square, x).get(); }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::deque<std::future<std::int64_t>> results;
    std::uint64_t sum = 0;
    const auto take = [&] {
      sum += static_cast<std::uint64_t>(results.front().get());
      results.pop_front();
    };
    for (std::int64_t i = 0; i < count; ++i) {
      if (results.size() == kThreadsAhead) take();
      results.push_back(std::async(std::launch::async, square, i));
    }
    while (!results.empty()) take();
    return sum;
  }
};

}  // namespace

PeerPtr make_std_async() { return std::make_unique<StdAsync>(); }

}  // namespace bulkhead::bench
