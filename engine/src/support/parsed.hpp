// What came of reading a value a person wrote: the value, or why not and what to write instead.
#pragma once

#include <optional>
#include <string>

namespace bulkhead::support {

template <class T>
struct Parsed {
  std::optional<T> value;
  std::string problem;  // "unknown unit \"min\""; empty when there is a value
  std::string help;     // "write \"5m\""; may be empty
};

}  // namespace bulkhead::support
