// SHA-256, as 64 lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::plugin {

[[nodiscard]] std::string sha256_hex(std::span<const std::byte> bytes);

// Of what the descriptor leads to, from its first byte to its last; its position is not moved.
// Throws ResourceError when it cannot be read.
[[nodiscard]] std::string sha256_hex_of_fd(int fd);

// 64 hexadecimal digits, of either case.
[[nodiscard]] bool is_sha256_hex(std::string_view text) noexcept;

}  // namespace bulkhead::plugin
