// Byte sizes as people write them: "64KiB", "2GiB", "512 MiB", "1.5GiB", "0B".
//
// Powers of 1024 only. "MB" and "M" are refused rather than guessed: half the world means 1000.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/parsed.hpp"

namespace bulkhead::support {

[[nodiscard]] Parsed<std::uint64_t> parse_byte_size(std::string_view text);

// What parse_byte_size() reads back as the same number, in the largest unit that is exact: "64KiB".
[[nodiscard]] std::string byte_size_text(std::uint64_t bytes);

}  // namespace bulkhead::support
