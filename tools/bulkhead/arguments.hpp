// Words of a command line as a task's arguments.
#pragma once

#include <span>
#include <string>

#include "signature.hpp"

namespace bulkhead::cli {

enum class Words : bool { kBySignature, kAllJson };

// Appends `word` as the JSON of argument `number` (from 1). Throws UsageFailure when JSON is expected and it is none.
void append_argument(std::string& json, const Signature& signature, std::size_t number, const std::string& word,
                     Words form);

// Throws UsageFailure unless the task takes this many.
void check_count(const std::string& task, const Signature& signature, std::span<const std::string> words);

// All of stdin. Throws IoFailure.
[[nodiscard]] std::string read_stdin();

}  // namespace bulkhead::cli
