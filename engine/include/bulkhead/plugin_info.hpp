// What a plugin's file says of itself, read without running any of its code.
#pragma once

#include <bulkhead/catalog.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bulkhead {

// What inspect_plugin() found.
struct PluginInfo {
  std::string name;                 // the first part of its tasks' names
  std::string version;              // its author's
  std::filesystem::path path;       // as it was given
  std::uint64_t bytes = 0;          // of the file
  std::string sha256;               // 64 hexadecimal digits
  std::uint32_t abi_major = 0;      // of the boundary between worker and plugin: must be the engine's
  std::uint32_t abi_minor = 0;      // what the plugin knows of it
  std::string sdk_version;          // that it was built with
  std::string compiler;             // as it names itself
  std::vector<CatalogEntry> tasks;  // in the order of its list
  // Libraries that the loader must find, as the file names them.
  std::vector<std::string> needed;
  // What the file exports beside its entry point, spelled as in the source. A library that is loaded for the whole
  // process, such as the worker's own, comes first when it has a symbol of the same name.
  std::vector<std::string> exported;
  // Those of `exported` of which a process has only one, whoever loads them (STB_GNU_UNIQUE: static members of
  // templates, static variables of inline functions): plugins share them, whatever their build.
  std::vector<std::string> unique;
};

// Throws PluginError when the file is no plugin that this engine can use, ResourceError when the machine cannot read it.
[[nodiscard]] PluginInfo inspect_plugin(const std::filesystem::path& file);

}  // namespace bulkhead
