// A pool's initializer, made ready for the workers: its arguments encoded once, in memory that nobody can change.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bulkhead/options.hpp"
#include "pool/task_directory.hpp"
#include "process/worker.hpp"

namespace bulkhead::pool {

// `json` is a JSON array, used when `arguments` are default-constructed; neither: the task is called without any.
// Throws TaskNotFound, SignatureMismatch, ArgumentError, PayloadError (no JSON), ResourceError.
[[nodiscard]] std::shared_ptr<const process::Initializer> make_initializer(const TaskDirectory& directory,
                                                                           const std::string& task,
                                                                           const InitArgs& arguments,
                                                                           const std::optional<std::string>& json);

}  // namespace bulkhead::pool
