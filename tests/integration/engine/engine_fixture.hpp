// What the tests of the public API share: an engine with the fixture plugins, its log, and a look at its processes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bulkhead/engine.hpp"
#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::test {

using namespace std::chrono_literals;

// Bounds a failing test only.
inline constexpr auto kPatience = 60s;

[[nodiscard]] inline std::filesystem::path fixture_plugin(const std::string& name) {
  const char* folder = std::getenv("BULKHEAD_TEST_PLUGINS");
  if (folder == nullptr) throw std::runtime_error("$BULKHEAD_TEST_PLUGINS is not set (run this through ctest)");
  return std::filesystem::path(folder) / (name + ".so");
}

// The engine's log lines, kept.
class LogLines {
 public:
  // For EngineOptions::on_log. The lines live as long as any copy of it.
  [[nodiscard]] std::function<void(int, std::string_view)> sink() {
    return [lines = lines_](int level, std::string_view text) {
      const std::lock_guard lock(lines->mutex);
      lines->text += std::to_string(level) + ' ' + std::string(text) + '\n';
    };
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(lines_->mutex);
    return lines_->text;
  }
  [[nodiscard]] bool contains(std::string_view part) const { return text().find(part) != std::string::npos; }

 private:
  struct Lines {
    std::mutex mutex;
    std::string text;
  };
  std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
};

// A folder of the test's own.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

inline void touch(const std::string& path) { std::ofstream(path, std::ios::app).flush(); }

// False for a zombie too: whoever inherits the dead may take its time.
[[nodiscard]] inline bool process_exists(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && line.size() > name_end + 2 && line[name_end + 2] != 'Z' &&
         line[name_end + 2] != 'X';
}

// "NAME=value" in its environment: the mark that a program and all it starts carry.
[[nodiscard]] inline std::vector<pid_t> processes_with_mark(const std::string& entry) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = folder.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(folder.path() / "environ", std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    if (all.find(entry + '\0') == std::string::npos && !all.ends_with(entry)) continue;
    if (process_exists(std::stol(name))) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

[[nodiscard]] inline std::string name_of_process(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

// The descriptors of this process that lead to a process (pidfds), as pids.
[[nodiscard]] inline std::vector<pid_t> watched_processes() {
  std::vector<pid_t> found;
  for (const auto& [fd, target] : open_descriptors()) {
    if (target.find("pidfd") == std::string::npos) continue;
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(fd));
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("Pid:")) continue;
      const auto pid = static_cast<pid_t>(std::stol(line.substr(4)));
      if (pid > 0 && pid != ::getpid()) found.push_back(pid);
    }
  }
  return found;
}

// This process's warden; 0 while there is none.
[[nodiscard]] inline pid_t find_warden() {
  for (const pid_t pid : watched_processes()) {
    if (name_of_process(pid) == "bulkhead-warden") return pid;
  }
  return 0;
}

// What this process has allocated.
[[nodiscard]] inline std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "RssAnon:") continue;
    std::uint64_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes << 10;
  }
  return 0;
}

// Set by the test; printed, so that a failure can be repeated.
[[nodiscard]] inline std::uint32_t random_seed() {
  const char* given = std::getenv("BULKHEAD_TEST_SEED");
  const std::uint32_t seed = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  std::cout << "seed (BULKHEAD_TEST_SEED): " << seed << std::endl;
  return seed;
}

// The text of what `call` throws as an E; empty, and a failure, when it throws nothing or something else.
template <class E, class Call>
[[nodiscard]] std::string text_thrown(Call call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  } catch (const Error& error) {
    ADD_FAILURE() << "another error (" << name_of(error.code()) << "): " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// Engine and pool over the fixture plugins. The pool goes before the engine.
class EngineTest : public ::testing::Test {
 protected:
  [[nodiscard]] static Engine make_engine(EngineOptions options = {}) {
    return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("misbehave")}, std::move(options));
  }
  // A manifest with `misbehave` alone, whose initialiser does what `config` (a JSON object) says.
  [[nodiscard]] static Engine make_misbehaving_engine(const std::string& config, EngineOptions options = {}) {
    Manifest manifest;
    ManifestPlugin plugin;
    plugin.path.value = fixture_plugin("misbehave");
    plugin.config.value = config;
    manifest.plugins.push_back(plugin);
    return Engine::from_manifest(std::move(manifest), std::move(options));
  }

  LogLines log_;
  Engine engine_ = make_engine({.on_log = log_.sink()});
  Pool pool_ = engine_.pool({.processes = 2});
};

}  // namespace bulkhead::test
