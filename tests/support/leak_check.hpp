// Checks after every test of a program that includes it that nothing is left behind: no child
// process, no thread, no open descriptor and no mapping of the engine's shared memory more than when the test began, no
// name of this process in /dev/shm, and no file in the folder for temporary files, which is one of the program's own.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "eventually.hpp"

namespace bulkhead::test {

// What is open, and what it leads to.
[[nodiscard]] inline std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* const entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(folder)) continue;
    std::error_code error;
    found[fd] = std::filesystem::read_symlink("/proc/self/fd/" + std::string(entry->d_name), error);
  }
  ::closedir(folder);
  return found;
}

[[nodiscard]] inline std::size_t thread_count() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

// Names in /dev/shm of the process `pid`; tests of other programs run at the same time.
[[nodiscard]] inline std::set<std::string> shared_names(pid_t pid) {
  std::set<std::string> found;
  const std::string mark = "bulkhead." + std::to_string(pid) + ".";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", error)) {
    const std::string name = entry.path().filename();
    if (name.find(mark) != std::string::npos) found.insert(name);
  }
  return found;
}

// Lines of such a file that name this memory.
[[nodiscard]] inline std::size_t mapping_count(const std::string& maps_file, const std::string& name) {
  std::ifstream maps(maps_file);
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(name) != std::string::npos ? 1 : 0;
  return count;
}
[[nodiscard]] inline std::size_t shared_mapping_count_of(const std::string& name) {
  return mapping_count("/proc/self/maps", name);
}

// Mappings of the engine's shared memory and semaphores. (Not of plugins, which are never unloaded.)
[[nodiscard]] inline std::size_t shared_mapping_count() {
  return shared_mapping_count_of("/memfd:bulkhead-") + shared_mapping_count_of("/dev/shm/sem.bulkhead.");
}

// $TMPDIR of this program and of what it starts, for as long as it lives.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-tests-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) return;
    path_ = pattern;
    ::setenv("TMPDIR", pattern.c_str(), 1);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    // A forked child that leaves by exit() must not take it from its parent.
    if (!path_.empty() && ::getpid() == owner_) std::filesystem::remove_all(path_, error);
  }
  [[nodiscard]] std::set<std::string> entries() const {
    std::set<std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path_, error)) found.insert(entry.path().filename());
    return found;
  }

 private:
  const pid_t owner_ = ::getpid();
  std::filesystem::path path_;
};

// A child that is running, or a zombie.
[[nodiscard]] inline bool has_child() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// ThreadSanitizer starts a thread of its own beside a program's first.
#ifdef __SANITIZE_THREAD__
inline constexpr std::size_t kSanitizerThreads = 1;
#else
inline constexpr std::size_t kSanitizerThreads = 0;
#endif

class LeakCheck : public ::testing::EmptyTestEventListener {
 private:
  void OnTestStart(const ::testing::TestInfo&) override {
    threads_ = thread_count();
    mappings_ = shared_mapping_count();
    temporary_ = folder_.entries();
    descriptors_ = open_descriptors();
  }

  void OnTestEnd(const ::testing::TestInfo&) override {
    // Threads and processes that were told to end may take a moment.
    constexpr auto kLimit = std::chrono::seconds(10);
    EXPECT_TRUE(eventually(kLimit, [] { return !has_child(); })) << "a child process is left";
    EXPECT_TRUE(eventually(kLimit, [&] { return thread_count() <= threads_ + kSanitizerThreads; }))
        << thread_count() << " threads, there were " << threads_;
    EXPECT_TRUE(eventually(kLimit, [] { return shared_names(::getpid()).empty(); }))
        << "left in /dev/shm: " << *shared_names(::getpid()).begin();
    EXPECT_TRUE(eventually(kLimit, [&] { return shared_mapping_count() <= mappings_; }))
        << shared_mapping_count() << " mappings of shared memory, there were " << mappings_;
    for (const auto& name : folder_.entries()) {
      EXPECT_TRUE(temporary_.contains(name)) << "a temporary file is left: " << name;
    }
    for (const auto& [fd, target] : open_descriptors()) {
      const auto before = descriptors_.find(fd);
      EXPECT_TRUE(before != descriptors_.end() && before->second == target)
          << "descriptor " << fd << " is left open: " << target;
    }
  }

  TemporaryFolder folder_;
  std::size_t threads_ = 0;
  std::size_t mappings_ = 0;
  std::set<std::string> temporary_;
  std::map<int, std::string> descriptors_;
};

inline const bool leak_check_is_on = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new LeakCheck);
  return true;
}();

}  // namespace bulkhead::test
