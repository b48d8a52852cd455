// Arguments for tasks of which nothing but the signature is known.
//
// Ownership and threads: plain functions.
#pragma once

#include <optional>
#include <string>

#include "signature.hpp"

namespace bulkhead::cli {

enum class MadeUp : bool { kZero, kOne };

// The JSON array of a call's arguments: small numbers, empty texts and lists, /dev/null for a path; optional ones at
// the end are left out. Empty when a parameter is of a type that only the plugin knows.
[[nodiscard]] std::optional<std::string> made_up_arguments(const Signature& signature, MadeUp which);

}  // namespace bulkhead::cli
