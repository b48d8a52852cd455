// Loads a checked plugin into this process: for workers, and for the throw-away process that tries
// it first. Runs the plugin's constructors, which may do anything.
//
// Ownership: a loaded plugin stays for the life of the process. dlclose() is never called: tasks
// may
//            have left threads and thread-locals whose code lives in the plugin.
// Threads:   any.
// Failure:   PluginError (kCannotLoad, kWrongAbi, kNotAPlugin, kInconsistent).
#pragma once

#include <cstddef>
#include <string>

#include "bulkhead/sdk/abi.h"
#include "plugin/catalogue.hpp"

namespace bulkhead::plugin {

class LoadedPlugin {
 public:
  // `fd` is PluginFile::fd() or a duplicate of it, sent from anywhere. The same file loaded again is the same library.
  // A private copy is loaded through the descriptor. A plugin that uses $ORIGIN is loaded from its
  // place, after a look whether that still is the file that was checked.
  // `shown_path` is for the messages.
  [[nodiscard]] static LoadedPlugin load(int fd, const std::string& shown_path);

  [[nodiscard]] const bulkhead_plugin& table() const noexcept { return *table_; }
  // By the plugin's own stride: its elements may be larger than this build's. A member behind the
  // stride's end does not exist. Requires: index < table().task_count.
  [[nodiscard]] const bulkhead_task& task(std::size_t index) const noexcept;

 private:
  explicit LoadedPlugin(const bulkhead_plugin* table) : table_(table) {}

  const bulkhead_plugin* table_;
};

// The catalogue as the plugin's own table tells it, shapes included.
[[nodiscard]] PluginEntry describe(const LoadedPlugin& plugin, const std::string& shown_path);

// Throws PluginError (kInconsistent), naming the first difference, unless both say the same of
// everything but shapes, which notes do not have.
void check_same(const PluginEntry& note, const PluginEntry& loaded);

}  // namespace bulkhead::plugin
