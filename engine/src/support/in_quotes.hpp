// Names in messages stand in quotes. (Not called "quoted": argument-dependent lookup finds std's.)
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::support {

[[nodiscard]] inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

}  // namespace bulkhead::support
