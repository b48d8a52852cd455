#include "leak_count.hpp"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <thread>

#include "own_processes.hpp"

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

// ThreadSanitizer starts a thread of its own beside a program's first.
#ifdef __SANITIZE_THREAD__
constexpr std::size_t kSanitizerThreads = 1;
#else
constexpr std::size_t kSanitizerThreads = 0;
#endif

std::size_t thread_count() {
  std::error_code error;
  const auto entries = fs::directory_iterator("/proc/self/task", error);
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

// What is open, and what it leads to.
std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* const entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(folder)) continue;
    std::error_code error;
    found[fd] = fs::read_symlink("/proc/self/fd/" + std::string(entry->d_name), error);
  }
  ::closedir(folder);
  return found;
}

// A child that runs, or was not waited for.
bool has_child() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

LeakCount::LeakCount() : threads_(thread_count()), descriptors_(open_descriptors()) {}

std::vector<std::string> LeakCount::left_now() const {
  std::vector<std::string> left;
  for (const pid_t pid : marked_processes()) left.push_back("process " + std::to_string(pid));
  // The engine's are nobody's children; a zombie of its making would be ours.
  if (has_child()) left.emplace_back("a child process");
  const std::size_t threads = thread_count();
  const std::size_t expected = threads_ + kSanitizerThreads;
  if (threads > expected) left.push_back(std::to_string(threads - expected) + " threads");
  for (const auto& [fd, target] : open_descriptors()) {
    const auto before = descriptors_.find(fd);
    if (before != descriptors_.end() && before->second == target) continue;
    left.push_back("descriptor " + std::to_string(fd) + " (" + target + ")");
  }
  const std::string mark = "bulkhead." + std::to_string(::getpid()) + ".";
  std::error_code error;
  for (fs::directory_iterator entry("/dev/shm", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.find(mark) != std::string::npos) left.push_back("/dev/shm/" + name);
  }
  return left;
}

std::vector<std::string> LeakCount::left(std::chrono::seconds limit) const {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto left = left_now();
    if (left.empty() || std::chrono::steady_clock::now() >= end) return left;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace bulkhead::cli
