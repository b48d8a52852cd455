// A task's signature at run time: what the host needs to encode arguments as the types the task declares.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::detail {

// One type of a signature.
struct TypeDesc {
  // Numbers first, narrow to wide: conversions compare them.
  enum class Kind : std::uint8_t {
    kI8,
    kI16,
    kI32,
    kI64,
    kU8,
    kU16,
    kU32,
    kU64,
    kF32,
    kF64,
    kBool,
    kChar,
    kStr,
    kPath,
    kBytes,
    kNull,
    kDuration,
    kVoid,
    kList,
    kSet,
    kArray,
    kMap,
    kOptional,
    kTuple,
    kVariant,
    kShared,
    kSharedMut,
    kNamed,
  };
  Kind kind = Kind::kNamed;
  std::string text;             // "list<i64>"
  std::vector<TypeDesc> parts;  // of a container
  std::uint64_t length = 0;     // of an array

  [[nodiscard]] bool is_signed() const noexcept { return kind <= Kind::kI64; }
  [[nodiscard]] bool is_integer() const noexcept { return kind <= Kind::kU64; }
  [[nodiscard]] bool is_number() const noexcept { return kind <= Kind::kF64; }
  // 8 to 64, of a number.
  [[nodiscard]] int bits() const noexcept;
  // Bytes of every value of this type on the wire; 0: they vary, or a user's type decides.
  [[nodiscard]] std::uint32_t fixed_bytes() const noexcept;
};

struct SignatureDesc {
  std::string text;  // "(i64,i64)->i64"
  std::vector<TypeDesc> parameters;
  TypeDesc result;

  // How many arguments must be given: trailing optional ones may be left out.
  [[nodiscard]] std::size_t required_arguments() const noexcept;
};

// Parses the text of a signature. Throws std::invalid_argument when it is none (a plugin's catalogue lies).
[[nodiscard]] SignatureDesc parse_signature(std::string_view text);

}  // namespace bulkhead::detail
