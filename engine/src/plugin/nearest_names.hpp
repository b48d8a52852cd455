// "Did you mean …?": the names that look most like one that does not exist.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::plugin {

// Best first, at most `max`, only those that a slip of the fingers would explain: the distance
// counts insertions, deletions, substitutions and swaps of neighbours, and may be a third of the
// name. Upper and lower case are the same. A candidate whose last part is what was asked for
// ("math.add" for "add") comes before all others.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view wanted,
                                                     std::span<const std::string_view> candidates, std::size_t max = 3);

// `did you mean "a", "b" or "c"?`; empty for no names.
[[nodiscard]] std::string did_you_mean(std::span<const std::string> names);

}  // namespace bulkhead::plugin
