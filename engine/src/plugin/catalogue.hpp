// What the loaded plugins offer, by name: read from their files, before any of their code runs.
//
// Ownership: the catalogue owns its entries. Pointers to tasks stay valid while more plugins are
//            added, for as long as the catalogue lives.
// Threads:   const members from any thread, once nothing is added any more.
// Failure:   PluginError and TaskNotFound, as said at each function.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/catalog.hpp"

namespace bulkhead::plugin {

struct TaskEntry {
  std::string name;  // "math.add"
  std::string signature;
  std::string doc;
  std::vector<std::string> param_names;
  std::uint32_t codecs = 0;            // mask of BULKHEAD_CODEC_
  std::uint32_t flags = 0;             // mask of BULKHEAD_TASK_
  std::uint32_t required_flags = 0;    // any bit: this engine cannot run the task
  std::int32_t retries = -1;           // the author's default; -1: unset
  std::chrono::nanoseconds timeout{};  // the author's default; 0: unset
  std::chrono::nanoseconds soft_timeout{};
  std::vector<TaskExample> examples;  // known only from the note
  std::uint64_t shape = 0;            // known only after the throw-away load; see set_shapes()
  std::uint32_t plugin_index = 0;     // in the catalogue
  std::uint32_t task_index = 0;       // in the plugin's table
};

struct PluginEntry {
  std::string name;
  std::string version;
  std::string sdk_version;
  std::string compiler;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::string path;
  std::vector<TaskEntry> tasks;
};

class Catalogue {
 public:
  Catalogue() = default;
  Catalogue(Catalogue&&) = default;
  Catalogue& operator=(Catalogue&&) = default;
  Catalogue(const Catalogue&) = delete;  // a copy's names would lead to the original's tasks
  Catalogue& operator=(const Catalogue&) = delete;

  // Throws PluginError (kDuplicate, naming both files) when a plugin of that name is there already.
  // Returns the plugin's index.
  std::uint32_t add(PluginEntry plugin);

  // Null when there is no task of that name.
  [[nodiscard]] const TaskEntry* find(std::string_view full_name) const;

  // Throws TaskNotFound, with the nearest names, or PluginError (kWrongAbi) for a task that needs a
  // newer engine.
  [[nodiscard]] const TaskEntry& at_or_throw(std::string_view full_name) const;

  // Takes the shapes over from the plugin's real table, which loading it gave. Requires:
  // check_same() found both alike.
  void set_shapes(std::uint32_t plugin_index, const PluginEntry& loaded);

  [[nodiscard]] std::span<const PluginEntry> plugins() const noexcept { return plugins_; }
  [[nodiscard]] const PluginEntry* find_plugin(std::string_view name) const;
  // All tasks: plugins in the order added, tasks in the order of their table.
  [[nodiscard]] std::vector<const TaskEntry*> tasks() const;

 private:
  // Moving a PluginEntry keeps its tasks where they are: this is why pointers to them last.
  std::vector<PluginEntry> plugins_;
  std::map<std::string, const TaskEntry*, std::less<>> by_name_;
};

// The same for users.
[[nodiscard]] std::vector<CatalogEntry> catalog_entries(const Catalogue& catalogue);

}  // namespace bulkhead::plugin
