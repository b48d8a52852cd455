// Addresses as people write them.
#pragma once

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace bulkhead::support {

// "0x12ab"
[[nodiscard]] inline std::string hex_text(std::uint64_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, number);
  return text.data();
}

}  // namespace bulkhead::support
