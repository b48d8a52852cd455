#include "plugin/plugin_search.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "bulkhead/error.hpp"
#include "support/in_quotes.hpp"
#include "support/joined_path.hpp"

namespace bulkhead::plugin {

using support::in_quotes;
using support::joined_path;
namespace fs = std::filesystem;

std::vector<fs::path> plugin_folders(const std::function<std::optional<std::string>(const char* name)>& environment,
                                     const std::vector<fs::path>& of_program,
                                     const std::vector<std::string>& of_manifest) {
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& folder) {
    if (!folder.empty() && std::ranges::find(folders, folder) == folders.end()) {
      folders.push_back(folder);
    }
  };
  const std::string path = environment("BULKHEAD_PLUGIN_PATH").value_or("");
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    // An empty part is nothing, not the working directory as in $PATH: it would run what lies
    // there.
    add(path.substr(begin, end - begin));
    begin = end + 1;
  }
  std::ranges::for_each(of_program, add);
  std::ranges::for_each(of_manifest, add);
  const std::string home = environment("HOME").value_or("");
  if (!home.empty()) add(joined_path(home, ".local/lib/bulkhead/plugins"));
  add(joined_path(BULKHEAD_LIBDIR, "bulkhead/plugins"));
  return folders;
}

fs::path find_plugin(const std::string& name, const std::vector<fs::path>& folders) {
  std::string tried;
  for (const fs::path& folder : folders) {
    fs::path file = joined_path(folder, name + ".so");
    struct stat status {};
    // What may not be looked at is there; opening it tells why it cannot be used.
    if (::lstat(file.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR)) return file;
    tried += "\n  " + file.string();
  }
  detail::raise<PluginError>("no plugin " + in_quotes(name) +
                                 " on the plugin path (give it a path in the manifest, or add its "
                                 "folder to plugin_dirs or $BULKHEAD_PLUGIN_PATH); tried:" +
                                 tried,
                             {.path = name + ".so", .reason = PluginError::Reason::kMissing});
}

PluginFile open_plugin(const ManifestPlugin& wanted, const std::vector<fs::path>& folders) {
  const fs::path path = wanted.path.value ? fs::path(*wanted.path.value) : find_plugin(*wanted.name.value, folders);
  PluginFile file = PluginFile::open(path, wanted.sha256.value);
  if (wanted.name.value && *wanted.name.value != file.entry().name) {
    detail::raise<PluginError>("plugin " + in_quotes(path.string()) + " calls itself " + in_quotes(file.entry().name) +
                                   ", the manifest calls it " + in_quotes(*wanted.name.value) +
                                   " (tasks are named after the former: correct the manifest)",
                               {.path = path.string(), .reason = PluginError::Reason::kInconsistent});
  }
  return file;
}

}  // namespace bulkhead::plugin
