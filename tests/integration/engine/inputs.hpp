// Inputs of maps: numbers, and a source that breaks.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "generator.hpp"

namespace bulkhead::test {

using List = std::vector<std::int64_t>;

// 0 to count - 1.
inline List numbers(std::int64_t count) {
  List list;
  for (std::int64_t i = 0; i < count; ++i) list.push_back(i);
  return list;
}

struct SourceBroke : std::runtime_error {
  SourceBroke() : std::runtime_error("the source broke") {}
};

// 0, 1, …, and an exception instead of number `broken_at`.
inline Generator<std::int64_t> breaking_at(std::int64_t broken_at) {
  for (std::int64_t i = 0;; ++i) {
    if (i == broken_at) throw SourceBroke();
    co_yield std::int64_t(i);
  }
}

}  // namespace bulkhead::test
