// What --summary says at the end of a map.
#pragma once

#include <bulkhead/stats.hpp>

#include <string>

#include "map_output.hpp"

namespace bulkhead::cli {

// Of a pool that ran only this map.
[[nodiscard]] std::string summary_text(const MapOutput& results, const PoolStats& stats, double seconds);
[[nodiscard]] std::string summary_json(const MapOutput& results, const PoolStats& stats, double seconds);

}  // namespace bulkhead::cli
