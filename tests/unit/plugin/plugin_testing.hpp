// What the tests of this layer share: a folder that goes away, files in it, and the fixtures'
// paths.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bulkhead/error.hpp"

namespace bulkhead::plugin {

// A fresh folder of mode 0700, removed with all that is in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category());
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // A file of mode 0644 and its folders (0755), whatever the umask.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    for (auto folder = file.parent_path(); folder != path_; folder = folder.parent_path()) {
      std::filesystem::create_directories(folder);
      ::chmod(folder.c_str(), 0755);
    }
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), 0644);
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path malformed_plugin(const std::string& name) {
  return std::filesystem::path(BULKHEAD_MALFORMED_PLUGINS) / (name + ".so");
}

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The PluginError that `action` throws, by its reason and text.
struct CaughtPluginError {
  PluginError::Reason reason{};
  std::string text;
};
template <class Action>
CaughtPluginError plugin_error_of(Action&& action) {
  try {
    action();
  } catch (const PluginError& error) {
    return {error.reason(), error.what()};
  }
  ADD_FAILURE() << "no PluginError was thrown";
  return {};
}

}  // namespace bulkhead::plugin
