// Where plugins are looked for that are named without a path.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bulkhead/manifest.hpp"
#include "plugin/plugin_file.hpp"

namespace bulkhead::plugin {

// The folders, best first, without repetitions: those of $BULKHEAD_PLUGIN_PATH (separated by
// colons), the program's, the manifest's, ~/.local/lib/bulkhead/plugins, <libdir>/bulkhead/plugins.
[[nodiscard]] std::vector<std::filesystem::path> plugin_folders(
    const std::function<std::optional<std::string>(const char* name)>& environment,
    const std::vector<std::filesystem::path>& of_program, const std::vector<std::string>& of_manifest);

// NAME.so in the first folder that has it. Throws PluginError (kMissing) listing all places tried.
[[nodiscard]] std::filesystem::path find_plugin(const std::string& name,
                                                const std::vector<std::filesystem::path>& folders);

// Finds and opens one [[plugin]] of a manifest. Throws PluginError, also (kInconsistent) when the
// file calls itself by another name than the manifest does.
[[nodiscard]] PluginFile open_plugin(const ManifestPlugin& wanted, const std::vector<std::filesystem::path>& folders);

}  // namespace bulkhead::plugin
