// What a manifest may be at most.
#pragma once

#include <cstddef>

namespace bulkhead::plugin {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20;

}  // namespace bulkhead::plugin
