#include "file_source.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "failures.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

std::string with_slash(std::string path) {
  if (!path.ends_with('/')) path += '/';
  return path;
}

unsigned char type_of(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  // Not every file system says.
  struct stat status {};
  if (::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return S_ISREG(status.st_mode) ? DT_REG : S_ISDIR(status.st_mode) ? DT_DIR : DT_UNKNOWN;
}

}  // namespace

FileSource::FileSource(std::vector<std::string> folders, Options options)
    : folders_(std::move(folders)), options_(std::move(options)) {
  for (const auto& folder : folders_) {
    std::vector<Entry> entries;
    // Told now, while nothing runs.
    if (!list(folder, 0, entries)) {
      throw UsageFailure("cannot list \"" + folder + "\": " + std::strerror(errno));
    }
  }
  if (options_.counts_ahead) counter_ = std::thread([this] { count_all(); });
}

FileSource::~FileSource() {
  must_stop_.store(true, std::memory_order_relaxed);
  if (counter_.joinable()) counter_.join();
}

bool FileSource::list(const std::string& path, int flags, std::vector<Entry>& entries) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  if (fd < 0) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), &::closedir);
  if (!folder) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return false;
  }
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const auto type = type_of(fd, *entry);
    if (type == DT_REG) entries.push_back({std::string(name), entry->d_ino});
    if (type == DT_DIR) entries.push_back({std::string(name) + '/', entry->d_ino});
  }
  if (errno != 0) return false;
  // char_traits compares bytes without sign.
  std::ranges::sort(entries, {}, &Entry::name);
  return true;
}

bool FileSource::enter(std::string path, int flags) {
  Level level;
  if (!list(path, flags, level.entries)) return false;
  level.path = std::move(path);
  levels_.push_back(std::move(level));
  return true;
}

bool FileSource::is_result(const std::string& path, ino_t inode) const {
  for (const Output* const result : options_.results) {
    struct stat status {};
    if (inode != result->inode() || ::lstat(path.c_str(), &status) != 0) continue;
    if (result->is_same_file(status.st_dev, status.st_ino)) return true;
  }
  return false;
}

ItemSource::Next FileSource::next(Item& item) {
  const auto cannot_list = [&item](std::string path) {
    const int error = errno;
    path.pop_back();
    item = {.text = path, .error = "cannot list \"" + path + "\": " + std::strerror(error), .bytes = 0};
    return Next::kItem;
  };
  for (;;) {
    if (levels_.empty()) {
      if (next_folder_ == folders_.size()) return Next::kEnd;
      std::string path = with_slash(folders_[next_folder_++]);
      if (!enter(path, 0)) return cannot_list(std::move(path));
      continue;
    }
    Level& level = levels_.back();
    if (level.next == level.entries.size()) {
      levels_.pop_back();
      continue;
    }
    const Entry& entry = level.entries[level.next++];
    std::string path = level.path + entry.name;
    if (path.ends_with('/')) {
      if (!enter(path, O_NOFOLLOW)) return cannot_list(std::move(path));
      continue;
    }
    if (is_result(path, entry.inode)) continue;
    ++taken_;
    item.error.clear();
    item.bytes = 0;
    if (options_.counts_bytes) {
      struct stat status {};
      if (::lstat(path.c_str(), &status) == 0) item.bytes = static_cast<std::uint64_t>(status.st_size);
    }
    item.text = std::move(path);
    return Next::kItem;
  }
}

std::optional<double> FileSource::fraction() const {
  const auto total = total_.load(std::memory_order_relaxed);
  if (!is_counted_.load(std::memory_order_relaxed) || total == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(taken_) / static_cast<double>(total));
}

void FileSource::count_all() {
  std::vector<std::string> open(folders_);
  std::vector<Entry> entries;
  while (!open.empty()) {
    if (must_stop_.load(std::memory_order_relaxed)) return;
    const std::string path = with_slash(std::move(open.back()));
    open.pop_back();
    entries.clear();
    (void)list(path, 0, entries);
    for (const Entry& entry : entries) {
      if (entry.name.ends_with('/')) {
        open.push_back(path + entry.name);
      } else {
        total_.fetch_add(1, std::memory_order_relaxed);
      }
    }
  }
  is_counted_.store(true, std::memory_order_relaxed);
}

}  // namespace bulkhead::cli
