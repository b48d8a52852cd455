#include "worker/process_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <string_view>

#include "support/system_error.hpp"

namespace bulkhead::worker {

namespace {

// By number, as bits/resource.h has them; newer ones have none.
constexpr std::array<std::string_view, 16> kLimitNames{"cpu",      "fsize",  "data",    "stack", "core",  "rss",
                                                       "nproc",    "nofile", "memlock", "as",    "locks", "sigpending",
                                                       "msgqueue", "nice",   "rtprio",  "rttime"};

mode_t file_mode_mask() noexcept {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

// Also where it may not be searched: a service may have been started in the folder of somebody else.
support::UniqueFd open_folder() {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  support::UniqueFd fd(::open(".", kFlags));
  if (!fd.is_open() && errno == EACCES) fd = support::UniqueFd(::open("/proc/self/cwd", kFlags));
  if (!fd.is_open()) support::raise_system_error(errno, "hold on to the working directory", "descriptors");
  return fd;
}

bool are_same(const struct stat& one, const struct stat& other) noexcept {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int nice_value() noexcept { return ::getpriority(PRIO_PROCESS, 0); }

rlimit limit_now(std::size_t resource) noexcept {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  return limit;
}

bool are_same(const rlimit& one, const rlimit& other) noexcept {
  return one.rlim_cur == other.rlim_cur && one.rlim_max == other.rlim_max;
}

}  // namespace

ProcessState::ProcessState()
    : file_mode_mask_(file_mode_mask()),
      folder_(open_folder()),
      c_locale_(std::setlocale(LC_ALL, nullptr)),
      thread_locale_(::uselocale(locale_t{})),
      nice_value_(nice_value()) {
  ::fstat(folder_.get(), &folder_status_);
  std::fegetenv(&floating_point_);
  for (std::size_t i = 0; i < limits_.size(); ++i) limits_[i] = limit_now(i);
}

std::string ProcessState::put_back() {
  std::fesetenv(&floating_point_);
  signals_.put_back();
  ::umask(file_mode_mask_);
  environment_.put_back();
  std::string left;
  const auto add = [&left](std::string_view what) {
    left += left.empty() ? "its " : ", its ";
    left += what;
  };
  // First: what follows may need memory and descriptors.
  if (const int limit = put_limits_back(); limit >= 0) {
    const auto at = static_cast<std::size_t>(limit);
    add("resource limit " + (at < kLimitNames.size() ? std::string(kLimitNames[at]) : std::to_string(at)));
  }
  if (!put_folder_back()) add("working directory");
  if (!put_locale_back()) add("locale");
  if (!put_nice_value_back()) add("nice value");
  return left;
}

bool ProcessState::put_folder_back() const noexcept {
  struct stat status {};
  // A task may have closed the descriptor, and another thing may have its number now.
  if (::fstat(folder_.get(), &status) != 0 || !are_same(status, folder_status_)) return false;
  if (::fchdir(folder_.get()) == 0) return true;
  // Nobody may enter it. But nobody may have left it either.
  return ::stat("/proc/self/cwd", &status) == 0 && are_same(status, folder_status_);
}

bool ProcessState::put_locale_back() const {
  ::uselocale(thread_locale_);
  if (std::locale() != cpp_locale_) std::locale::global(cpp_locale_);
  return c_locale_ == std::setlocale(LC_ALL, nullptr) || std::setlocale(LC_ALL, c_locale_.c_str()) != nullptr;
}

int ProcessState::put_limits_back() const noexcept {
  int left = -1;
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const rlimit now = limit_now(i);
    if (are_same(now, limits_[i])) continue;
    if (::setrlimit(static_cast<__rlimit_resource>(i), &limits_[i]) != 0) left = static_cast<int>(i);
  }
  return left;
}

bool ProcessState::put_nice_value_back() const noexcept {
  return nice_value() == nice_value_ || ::setpriority(PRIO_PROCESS, 0, nice_value_) == 0;
}

}  // namespace bulkhead::worker
