// What encoding and decoding throw.
#pragma once

#include <stdexcept>

namespace bulkhead::sdk {

// A value has no form on the wire: too deep, out of range, or larger than the room there is.
struct EncodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bytes or JSON are not what the type says. The text says what was expected, and where.
struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// How deep user types may nest. Stops endless recursion in a `serialize` and bounds the stack.
inline constexpr unsigned kMaxDepth = 256;

}  // namespace bulkhead::sdk
