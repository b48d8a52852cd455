// Writes the project that `bulkhead plugin new` gives its user.
//
// Ownership: values.
// Threads:   any.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::cli {

// Throws UsageFailure, with what to write instead, for a name that a plugin or its CMake target cannot have.
void check_plugin_name(const std::string& name);

// Writes the project, a copy of scaffold/LANGUAGE, into `folder`, which is made if need be. In the files' names NAME stands
// for the plugin's name, in their texts @NAME@. Returns its files, relative to it. Throws UsageFailure when
// there is something in that folder, IoFailure when a file cannot be written.
std::vector<std::filesystem::path> write_scaffold(const std::string& name, std::string_view language,
                                                  const std::filesystem::path& folder);

// As one word of a shell command: as it stands, or in quotes.
[[nodiscard]] std::string shell_word(const std::string& text);

}  // namespace bulkhead::cli
