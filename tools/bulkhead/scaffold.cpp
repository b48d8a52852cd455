#include "scaffold.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "embedded_files.hpp"
#include "failures.hpp"

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  for (;;) {
    const auto at = text.find(from);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += to;
    text.remove_prefix(at + from.size());
  }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void require_empty(const fs::path& folder) {
  std::error_code error;
  const auto status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!fs::is_directory(status)) throw UsageFailure("\"" + folder.string() + "\" is there and is no folder");
  const bool is_empty = fs::is_empty(folder, error);
  if (error) throw IoFailure("cannot look into \"" + folder.string() + "\": " + error.message());
  if (!is_empty) {
    throw UsageFailure("the folder \"" + folder.string() + "\" is not empty (choose another name, or say --dir)");
  }
}

void write_file(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw IoFailure("cannot make \"" + file.parent_path().string() + "\": " + error.message());
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw IoFailure("cannot write \"" + file.string() + "\": " + std::strerror(errno));
}

}  // namespace

void check_plugin_name(const std::string& name) {
  constexpr std::size_t kLongest = 64;
  const bool is_name = !name.empty() && name.size() <= kLongest && is_letter(name.front()) && name.front() != '_' &&
                       std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
  if (!is_name) {
    throw UsageFailure("\"" + name +
                       "\" cannot be a plugin's name: that has letters, digits and _, begins with a letter, " +
                       "and is at most 64 long");
  }
  // Targets that CMake's generators make themselves.
  constexpr std::array<std::string_view, 10> kReserved{"all",     "clean",   "depend",         "edit_cache",    "help",
                                                       "install", "package", "package_source", "rebuild_cache", "test"};
  if (std::ranges::find(kReserved, name) != kReserved.end()) {
    throw UsageFailure("\"" + name + "\" cannot be a plugin's name: CMake has a target of that name (try \"my_" + name +
                       "\")");
  }
}

std::vector<fs::path> write_scaffold(const std::string& name, std::string_view language, const fs::path& folder) {
  require_empty(folder);
  std::vector<fs::path> written;
  const std::string source = "scaffold/" + std::string(language) + "/";
  constexpr std::string_view kEnding = ".in";  // lest a tool takes the templates for what they become
  for (const auto& file : embedded_files()) {
    if (!file.path.starts_with(source)) continue;
    const auto own_path = file.path.substr(source.size(), file.path.size() - source.size() - kEnding.size());
    fs::path path = replaced(own_path, "NAME", name);
    write_file(folder / path, replaced(file.text, "@NAME@", name));
    written.push_back(std::move(path));
  }
  std::ranges::sort(written);
  return written;
}

std::string shell_word(const std::string& text) {
  const bool is_plain = !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || std::strchr("-./+,:@%=", c) != nullptr;
  });
  return is_plain ? text : "'" + replaced(text, "'", "'\\''") + "'";
}

}  // namespace bulkhead::cli
