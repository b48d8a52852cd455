// Runs the bulkhead program for a test, in a folder of its own, and sees to it that nothing is left running.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/eventually.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-command-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    folder_ = pattern;
  }
  ~CommandTest() override {
    EXPECT_TRUE(eventually(std::chrono::seconds(20), [this] { return processes().empty(); }))
        << processes().size() << " processes are left running";
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }

  // bulkhead ARGUMENTS, with this on its stdin.
  [[nodiscard]] ProgramRun run(std::vector<std::string> arguments, const std::string& input = {},
                               std::vector<std::string> environment = {}) const {
    arguments.insert(arguments.begin(), BULKHEAD_PROGRAM);
    return run_program(arguments, input, std::move(environment));
  }
  // Another program, given by its path.
  [[nodiscard]] ProgramRun run_program(const std::vector<std::string>& words, const std::string& input = {},
                                       std::vector<std::string> environment = {}) const {
    environment.push_back(mark());
    return ProgramRun::run(words, input, environment);
  }

  // The same, not waited for: its three streams are these files or descriptors' paths.
  [[nodiscard]] ChildProcess start(std::vector<std::string> arguments, const std::string& in, const std::string& out,
                                   const std::string& err, std::vector<std::string> environment = {}) const {
    arguments.insert(arguments.begin(), BULKHEAD_PROGRAM);
    return start_program(std::move(arguments), in, out, err, std::move(environment));
  }
  [[nodiscard]] ChildProcess start_program(std::vector<std::string> arguments, const std::string& in,
                                           const std::string& out, const std::string& err,
                                           std::vector<std::string> environment = {}) const {
    environment.push_back(mark());
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0600);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<char*> envp;
    for (auto& entry : environment) envp.push_back(entry.data());
    for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
    envp.push_back(nullptr);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), arguments[0]);
    return ChildProcess(pid);
  }

  // This test's processes: the program, its warden, its workers.
  [[nodiscard]] std::set<pid_t> processes() const {
    std::set<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const pid_t pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0 || pid == ::getpid()) continue;
      if (read_file(entry.path() / "environ").find(mark()) != std::string::npos) found.insert(pid);
    }
    return found;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return path(name);
  }
  // A fixture, from where the tests' plugins are built.
  [[nodiscard]] static std::string fixture(const std::string& name) {
    const char* const folder = std::getenv("BULKHEAD_TEST_PLUGINS");
    return std::filesystem::path(folder == nullptr ? "." : folder) / (name + ".so");
  }

 private:
  [[nodiscard]] std::string mark() const { return "BULKHEAD_COMMAND_TEST=" + folder_.string() + "."; }

  std::filesystem::path folder_;
};

// One sentence: a line that begins with "error: ".
inline void expect_one_error(const ProgramRun& run, int exit_code, const std::string& says) {
  EXPECT_EQ(run.ended.exit_code, exit_code) << run.err;
  EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
  EXPECT_THAT(run.err, ::testing::StartsWith("error: "));
  EXPECT_THAT(run.err, ::testing::HasSubstr(says));
}

}  // namespace bulkhead::test
