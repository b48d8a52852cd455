// What holds for every call of a task unless the call itself says otherwise.
#pragma once

#include "bulkhead/detail/backend.hpp"
#include "bulkhead/manifest.hpp"
#include "plugin/catalogue.hpp"

namespace bulkhead::pool {

// The manifest's [task.…], else the plugin's own defaults, else none; all within [limits].
[[nodiscard]] detail::TaskPolicy task_policy(const plugin::TaskEntry& task, const Manifest& manifest);

}  // namespace bulkhead::pool
