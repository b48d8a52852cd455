#include "peers/peer.hpp"

namespace bulkhead::bench {

std::int64_t square(std::int64_t x) { return x * x; }

std::uint64_t sum_of_squares(std::int64_t count) {
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(i);
  return sum;
}

}  // namespace bulkhead::bench
