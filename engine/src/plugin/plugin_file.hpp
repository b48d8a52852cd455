// A plugin's file, checked in the host without running any of its code, and the bytes that were
// checked, kept: what was checked is what every worker will run, whatever happens on disk.
//
// Ownership: owns its descriptor. Workers are sent duplicates of it.
// Threads:   const members from any thread.
// Failure:   PluginError, whose text says what to do; ResourceError when the machine has no room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "plugin/catalogue.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::plugin {

class PluginFile {
 public:
  // A larger file is refused.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

  // Checks in this order: the file itself (not a symbolic link, regular, of bearable size), ELF,
  // catalogue, `sha256_pin` (64 hexadecimal digits). Then copies it.
  [[nodiscard]] static PluginFile open(const std::filesystem::path& path,
                                       const std::optional<std::string>& sha256_pin = {});

  [[nodiscard]] const PluginEntry& entry() const noexcept { return entry_; }
  // As it was given to open().
  [[nodiscard]] const std::string& path() const noexcept { return entry_.path; }
  // Libraries that will be loaded with it.
  [[nodiscard]] const std::vector<std::string>& needed() const noexcept { return needed_; }

  // A sealed copy in memory, or the file itself where is_private_copy() is false.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // False for a plugin that finds its libraries beside itself ($ORIGIN): it is loaded from its
  // place, and overwriting it while workers run harms them. The engine's log should say so.
  [[nodiscard]] bool is_private_copy() const noexcept { return is_private_copy_; }

  // Reads all of fd(). Throws ResourceError when that fails.
  [[nodiscard]] std::string sha256() const;

 private:
  PluginFile() = default;

  PluginEntry entry_;
  std::vector<std::string> needed_;
  support::UniqueFd fd_;
  bool is_private_copy_ = false;
};

}  // namespace bulkhead::plugin
