// The text of a plugin's catalogue note (plugin-sdk/WIRE.md): lines of tab-separated fields.
//
// Everything in it is checked: it comes from a file that anybody may have made.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "plugin/catalogue.hpp"

namespace bulkhead::plugin {

// "add": what a plugin or a task may be called; at most 64 bytes.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

// No plugin has more; a larger count is a broken note, or table.
inline constexpr std::size_t kMaxTasks = 65'536;

// `text` may end in zero bytes (the note's padding). `path` is for the messages, and the entry's.
// Throws PluginError: kNotAPlugin (not such a text), kWrongAbi (another major number, or a feature
// this engine does not know), kInconsistent (broken lines), kDuplicate (two tasks of one name).
[[nodiscard]] PluginEntry parse_note(std::string_view text, const std::string& path);

}  // namespace bulkhead::plugin
