// Whether a task returned what its example says.
//
// Ownership and threads: plain functions.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::cli {

// Both are JSON. Numbers may differ by what the last bits of a double hold (one part in 10^12), and of a task whose
// signature has an f32 by those of a float (one in 10^6); everything else is the same or not.
[[nodiscard]] bool is_same_json(const std::string& a, const std::string& b, std::string_view signature);

// The same value with short numbers: what the compiler wrote as 0.1000000000000000055511151231257827 is 0.1. Text that is
// no JSON as it stands.
[[nodiscard]] std::string short_json(const std::string& json);

}  // namespace bulkhead::cli
