// What an exception of the user's own carries across the boundary: what its `serialize` visits, behind a hash of what
// that is, so that a plugin and a host with different ideas of it are told apart.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/shape.hpp>

namespace bulkhead::sdk {

template <class T>
inline constexpr bool has_exception_members = Saves<T, BinaryWriter>&& Loads<T, BinaryReader>;

// 0: unknown, since only an object tells what is visited.
template <class T>
[[nodiscard]] std::uint64_t exception_shape() {
  if constexpr (std::is_default_constructible_v<T>) {
    return hash_text(shape_text<T>());
  } else {
    return 0;
  }
}

// Throws EncodeError.
template <class T>
void write_exception_members(ByteSink& to, const T& error) {
  write(to, exception_shape<T>());
  write(to, error);
}

// Throws DecodeError; `error` may have been filled in part then.
template <class T>
void read_exception_members(std::span<const std::byte> bytes, T& error) {
  std::uint64_t shape = 0;
  if (bytes.size() < sizeof shape) throw DecodeError("an exception without its shape");
  std::memcpy(&shape, bytes.data(), sizeof shape);
  if (shape != exception_shape<T>()) throw DecodeError("an exception that has other members here");
  read(bytes.subspan(sizeof shape), error);
}

}  // namespace bulkhead::sdk
