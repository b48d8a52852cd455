// Small pieces of JSON made by hand, for the many items of a map.
//
// Ownership and threads: plain functions.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::cli {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
[[nodiscard]] bool is_json(std::string_view text) noexcept;

// Appends `text` as a JSON string, or as {"base64": …} when it is not UTF-8.
void append_text(std::string& json, std::string_view text);
// Appends {"base64":"…"}.
void append_base64(std::string& json, std::string_view bytes);
[[nodiscard]] std::string text_to_json(std::string_view text);

// The bytes of a string or of {"base64": …}; false for any other JSON.
[[nodiscard]] bool text_of_json(std::string_view json, std::string& text);

// A plugin may write JSON over several lines; results are lines. Returns `json` itself where it is one.
[[nodiscard]] std::string on_one_line(std::string json);

}  // namespace bulkhead::cli
