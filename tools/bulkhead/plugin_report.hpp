// What `bulkhead plugin inspect` and `check` print.
//
// Ownership and threads: plain functions.
#pragma once

#include <bulkhead/plugin_info.hpp>

#include <string>

#include "plugin_check.hpp"

namespace bulkhead::cli {

// Several lines, without the last newline.
[[nodiscard]] std::string to_text(const PluginInfo& info);
[[nodiscard]] std::string to_json(const PluginInfo& info);
[[nodiscard]] std::string to_text(const CheckReport& report);
[[nodiscard]] std::string to_json(const CheckReport& report);

}  // namespace bulkhead::cli
