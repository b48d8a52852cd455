// TOML values as JSON text: for what a plugin gets as its configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugin/toml.hpp"

namespace bulkhead::plugin {

// Dates and times become strings; infinities and NaN the strings "Infinity", "-Infinity", "NaN".
// Empty when `node` nests deeper than `max_depth`.
[[nodiscard]] std::optional<std::string> json_of(const toml::node& node, int max_depth);

// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace bulkhead::plugin
