// How deeply a TOML text nests, found before a parser sees it.
//
// toml++ 3.3 bounds arrays and inline tables, not dotted keys: one line "a.a.a.a…" of a mebibyte
// makes half a million tables inside each other, and destroying them overflows the stack.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "bulkhead/manifest.hpp"

namespace bulkhead::plugin {

// The place of the first key of more than `max_parts` dotted parts.
[[nodiscard]] std::optional<SourcePlace> find_long_key(std::string_view toml, std::size_t max_parts);

}  // namespace bulkhead::plugin
