// The bytes of the items of a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace bulkhead::pool {

// What is left after the first `skip` items. The bytes are the host's own, so their sizes are true.
[[nodiscard]] inline std::span<const std::byte> items_after(std::span<const std::byte> items, std::uint32_t stride,
                                                            std::uint32_t skip) noexcept {
  if (stride != 0) return items.subspan(std::size_t{stride} * skip);
  for (; skip > 0; --skip) {
    std::uint32_t size = 0;
    std::memcpy(&size, items.data(), sizeof size);
    items = items.subspan(sizeof size + size);
  }
  return items;
}

// The first item without its size. One item of no bytes may go without a size, too.
[[nodiscard]] inline std::span<const std::byte> first_item(std::span<const std::byte> items,
                                                           std::uint32_t stride) noexcept {
  if (stride != 0 || items.empty()) return items.first(stride);
  std::uint32_t size = 0;
  std::memcpy(&size, items.data(), sizeof size);
  return items.subspan(sizeof size, size);
}

}  // namespace bulkhead::pool
