// The catalogue as callers need it: every task with its parsed signature and its policy, by name.
//
// Ownership: owns its entries, whose addresses last as long as it.
// Threads:   const, any.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "bulkhead/manifest.hpp"
#include "plugin/catalogue.hpp"

namespace bulkhead::pool {

class TaskDirectory {
 public:
  // `left_out`: plugins of the engine that are not in the catalogue. Throws PluginError (kInconsistent) for a signature
  // that is none.
  TaskDirectory(plugin::Catalogue catalogue, const Manifest& manifest, std::vector<std::string> left_out = {});

  // Throws TaskNotFound with the nearest names, PluginError for a task that needs a newer engine.
  [[nodiscard]] const detail::TaskInfo& at(std::string_view name) const;
  [[nodiscard]] const plugin::Catalogue& catalogue() const noexcept { return catalogue_; }

 private:
  plugin::Catalogue catalogue_;
  std::vector<std::string> left_out_;
  std::vector<detail::TaskInfo> tasks_;
  std::map<std::string_view, const detail::TaskInfo*> by_name_;  // names live in tasks_
};

}  // namespace bulkhead::pool
