#include "bulkhead/plugin_info.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "plugin/catalogue.hpp"
#include "plugin/elf_symbols.hpp"
#include "plugin/plugin_file.hpp"
#include "plugin/symbol_name.hpp"

namespace bulkhead {

namespace {

// Whoever looks at a file need not trust it: its names must not talk to a terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

std::vector<std::string> spelled_and_sorted(const std::vector<std::string>& symbols) {
  std::vector<std::string> names;
  names.reserve(symbols.size());
  for (const auto& symbol : symbols) names.push_back(printable(plugin::spelled_for_people(symbol)));
  std::ranges::sort(names);
  return names;
}

}  // namespace

PluginInfo inspect_plugin(const std::filesystem::path& file) {
  const auto opened = plugin::PluginFile::open(file);
  const plugin::PluginEntry& entry = opened.entry();
  PluginInfo info{.name = entry.name,
                  .version = entry.version,
                  .path = file,
                  .sha256 = opened.sha256(),
                  .abi_major = entry.abi_major,
                  .abi_minor = entry.abi_minor,
                  .sdk_version = entry.sdk_version,
                  .compiler = entry.compiler,
                  .tasks = {},
                  .needed = {},
                  .exported = {},
                  .unique = {}};
  for (const auto& library : opened.needed()) info.needed.push_back(printable(library));
  struct stat status {};
  if (::fstat(opened.fd(), &status) == 0) info.bytes = static_cast<std::uint64_t>(status.st_size);
  plugin::Catalogue catalogue;
  catalogue.add(entry);
  info.tasks = plugin::catalog_entries(catalogue);
  const auto exports = plugin::read_exports(opened.fd());
  info.exported = spelled_and_sorted(exports.all);
  info.unique = spelled_and_sorted(exports.unique);
  return info;
}

}  // namespace bulkhead
