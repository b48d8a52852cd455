#include "pool/task_directory.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bulkhead/error.hpp"
#include "pool/task_policy.hpp"

namespace bulkhead::pool {

namespace {

std::uint32_t fixed_argument_bytes(const detail::SignatureDesc& signature) noexcept {
  std::uint32_t sum = 0;
  for (const detail::TypeDesc& parameter : signature.parameters) {
    const std::uint32_t bytes = parameter.fixed_bytes();
    if (bytes == 0) return 0;
    sum += bytes;
  }
  return sum;
}

}  // namespace

TaskDirectory::TaskDirectory(plugin::Catalogue catalogue, const Manifest& manifest, std::vector<std::string> left_out)
    : catalogue_(std::move(catalogue)), left_out_(std::move(left_out)) {
  for (const plugin::TaskEntry* task : catalogue_.tasks()) {
    detail::TaskInfo info;
    info.name = task->name;
    try {
      info.signature = detail::parse_signature(task->signature);
    } catch (const std::invalid_argument& error) {
      const std::string& path = catalogue_.plugins()[task->plugin_index].path;
      detail::raise<PluginError>("plugin \"" + path + "\" describes task \"" + task->name +
                                     "\" wrongly: " + error.what() + " (rebuild it with the SDK)",
                                 {.path = path, .reason = PluginError::Reason::kInconsistent});
    }
    info.shape = task->shape;
    info.index = static_cast<std::uint32_t>(tasks_.size());
    info.codecs = task->codecs;
    info.fixed_argument_bytes = fixed_argument_bytes(info.signature);
    info.fixed_result_bytes = info.signature.result.fixed_bytes();
    info.policy = task_policy(*task, manifest);
    tasks_.push_back(std::move(info));
  }
  for (const detail::TaskInfo& task : tasks_) by_name_.emplace(task.name, &task);
}

const detail::TaskInfo& TaskDirectory::at(std::string_view name) const {
  const std::string_view plugin = name.substr(0, name.find('.'));
  if (std::find(left_out_.begin(), left_out_.end(), plugin) != left_out_.end()) {
    detail::raise<TaskNotFound>("no task \"" + std::string(name) + "\" in this pool: it does not load plugin \"" +
                                    std::string(plugin) + "\" (add it to the pool's plugins, or use another pool)",
                                {.task = std::string(name), .nearest = {}});
  }
  (void)catalogue_.at_or_throw(name);
  return *by_name_.at(name);
}

}  // namespace bulkhead::pool
