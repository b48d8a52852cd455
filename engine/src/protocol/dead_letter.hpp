// A call that killed its worker, kept so that it can be run again: `bulkhead replay`.
//
// A file is a line that says what it is, and the letter in the SDK's binary form. It holds a task's input: nobody but
// the owner may read it (mode 0600), and it appears under its name only when it is whole.
//
// Threads: plain functions; two processes may keep letters in one folder.
// Failure: ResourceError for what the system refuses. read_dead_letter() survives any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::protocol {

// Inputs above it are not kept: the folder is for looking at, not for storage.
inline constexpr std::uint64_t kMaxLetterBytes = std::uint64_t{64} << 20;
inline constexpr std::string_view kLetterSuffix = ".letter";

struct DeadLetter {
  std::string task;  // "shop.price"
  std::string plugin_path;
  std::string plugin_sha256;
  std::string plugin_config;  // JSON
  std::string manifest;       // its path; empty: none
  std::string engine_build;
  std::uint8_t codec = 0;
  std::uint32_t attempt = 1;
  std::uint64_t item = 0;  // its index in the caller's map
  std::int64_t worker_pid = 0;
  std::int64_t died_unix_ms = 0;
  std::string why;        // the sentence
  std::string backtrace;  // a line a function; empty: none
  std::vector<std::byte> arguments;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(task, plugin_path, plugin_sha256, plugin_config, manifest, engine_build, codec, attempt, item, worker_pid,
            died_unix_ms, why, backtrace, arguments);
  }
};

// Writes it into `folder`, which is made (mode 0700) when it is missing. Of more than `most` letters there the oldest
// are removed. Returns the new file.
std::filesystem::path keep_dead_letter(const std::filesystem::path& folder, const DeadLetter& letter, std::size_t most);

// Throws PayloadError for a file that is no letter, or not one of this format.
[[nodiscard]] DeadLetter read_dead_letter(const std::filesystem::path& file);

}  // namespace bulkhead::protocol
