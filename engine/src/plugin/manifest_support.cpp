#include "plugin/manifest_support.hpp"

#include <string>

#include "plugin/manifest_reader.hpp"

namespace bulkhead::plugin {

void refuse_unsupported(const Manifest& manifest) {
  const auto refuse = [&](const auto& setting, const std::string& key) {
    if (!setting.is_given()) return;
    raise_manifest_error(manifest.file, setting.place, key + " is not supported by this version of Bulkhead",
                         "remove the line, or use a newer version");
  };
  refuse(manifest.initializer, "\"initializer\"");
  refuse(manifest.initargs, "\"initargs\"");
  refuse(manifest.max_tasks_per_child, "\"max_tasks_per_child\"");
  refuse(manifest.pool_plugins, "\"plugins\" in [pool]");
  refuse(manifest.max_rss_bytes, "\"max_rss\"");
  refuse(manifest.max_timeout, "\"max_timeout\"");
  for (const auto& [name, task] : manifest.tasks) {
    refuse(task.timeout, "\"timeout\" of task " + name);
    refuse(task.soft_timeout, "\"soft_timeout\" of task " + name);
    refuse(task.retries, "\"retries\" of task " + name);
    refuse(task.priority, "\"priority\" of task " + name);
  }
  const std::string method = manifest.start_method.value.value_or("forkserver");
  if (method != "forkserver" && method != "spawn") {
    refuse(manifest.start_method, "start_method \"" + method + "\"");
  }
}

}  // namespace bulkhead::plugin
