// What a machine lets a pool have, judged.
#pragma once

#include <cstdint>
#include <vector>

#include "bulkhead/diagnosis.hpp"
#include "pool/machine.hpp"

namespace bulkhead::pool {

struct Demand {
  std::uint64_t workers = 0;
  std::uint64_t ring_bytes = 0;
};

[[nodiscard]] std::vector<Finding> judge(const Machine& machine, const Demand& demand);

// Descriptors that the host has open for an engine, and for each of its workers: two memories, the output's pipe, the
// control socket, the process. One that starts has the other ends of pipe and socket too; a pool's workers start together.
inline constexpr std::uint64_t kDescriptorsOfEngine = 20;
inline constexpr std::uint64_t kDescriptorsOfWorker = 5;
inline constexpr std::uint64_t kMoreWhileItStarts = 2;

}  // namespace bulkhead::pool
