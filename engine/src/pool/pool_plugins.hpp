// The part of an engine's plugins that one pool loads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pool/task_directory.hpp"
#include "process/worker.hpp"

namespace bulkhead::pool {

struct PoolPlugins {
  std::vector<process::PluginToLoad> to_load;
  std::shared_ptr<const TaskDirectory> directory;  // of these plugins' tasks, numbered as the workers number them
};

// Those of `names`, in the engine's order. `all` are the engine's, in the order of `directory`. Throws UsageError for a
// name that is none of them, with the nearest, and for no names at all.
[[nodiscard]] PoolPlugins choose_plugins(const std::vector<process::PluginToLoad>& all,
                                         const std::shared_ptr<const TaskDirectory>& directory,
                                         const Manifest& manifest, const std::vector<std::string>& names);

}  // namespace bulkhead::pool
