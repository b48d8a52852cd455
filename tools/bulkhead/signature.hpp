// What the command line must know of a task's signature: how each argument is written in a shell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::cli {

// str, path and bytes take a word as it stands, also inside optional<>; everything else is JSON.
enum class Kind : std::uint8_t { kStr, kPath, kBytes, kJson };

struct Parameter {
  std::string type;  // "optional<str>"
  Kind kind = Kind::kJson;
  [[nodiscard]] bool is_text() const { return kind != Kind::kJson; }
};

struct Signature {
  std::string text;  // "(str,i64)->str"
  std::vector<Parameter> parameters;
  std::size_t required = 0;  // the others are trailing optionals
  Kind result = Kind::kJson;
};

// Requires a signature of a catalogue, as "(i64,list<str>)->str".
[[nodiscard]] Signature parse_signature(std::string_view text);

// "1 argument", "2 to 3 arguments".
[[nodiscard]] std::string argument_count(const Signature& signature);

}  // namespace bulkhead::cli
