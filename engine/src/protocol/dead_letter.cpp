#include "protocol/dead_letter.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bulkhead/sdk/archive.hpp>
#include <cerrno>
#include <cstdio>
#include <string>

#include "bulkhead/error.hpp"
#include "support/directory.hpp"
#include "support/fault_point.hpp"
#include "support/in_quotes.hpp"
#include "support/joined_path.hpp"
#include "support/system_error.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::protocol {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "bulkhead dead letter, format 2\n";
// What goes with the input.
constexpr std::uint64_t kMaxLetterExtra = std::uint64_t{1} << 20;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  detail::raise<PayloadError>(support::in_quotes(file.string()) + " is not a dead letter: " + why +
                              " (bulkhead replay takes the files that [pool] dead_letters keeps)");
}

// A file that has its name only once it is complete. Until then it has none, so that nothing is left of it whatever
// happens to this process; on a file system that has no such files it ends in ".new", and goes if it is not published.
class NewFile {
 public:
  NewFile(const std::string& folder, std::string name) : name_(std::move(name)), shown_(support::in_quotes(name_)) {
    fd_ = support::UniqueFd(
        BULKHEAD_FAULT_CALL("letter.open", EMFILE, -1, ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)));
    if (!fd_.is_open() && (errno == EOPNOTSUPP || errno == EISDIR)) {
      unfinished_ = name_ + ".new";
      fd_ = support::UniqueFd(::open(unfinished_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    }
    if (!fd_.is_open()) fail("make", errno);
    (void)::fchmod(fd_.get(), 0600);  // its owner's, so it works: whatever the umask
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!unfinished_.empty()) ::unlink(unfinished_.c_str());
  }

  void write(const char* bytes, std::size_t size) const {
    while (size > 0) {
      const ssize_t written = BULKHEAD_FAULT_CALL("letter.write", ENOSPC, ssize_t{-1}, ::write(fd_.get(), bytes, size));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write", errno);
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void publish() {
    const std::string nameless = "/proc/self/fd/" + std::to_string(fd_.get());
    const int failed = BULKHEAD_FAULT_CALL(
        "letter.publish", ENOSPC, -1,
        unfinished_.empty() ? ::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, name_.c_str(), AT_SYMLINK_FOLLOW)
                            : ::rename(unfinished_.c_str(), name_.c_str()));
    if (failed != 0) fail("name", errno);
    unfinished_.clear();
  }

 private:
  [[noreturn]] void fail(const char* what, int error) const {
    support::raise_system_error(error, std::string(what) + " the file " + shown_, "disk");
  }

  std::string name_;
  std::string shown_;
  std::string unfinished_;  // empty: it has no name
  support::UniqueFd fd_;
};

// In the order of their names, which begin with the time.
void remove_oldest(const std::string& folder, std::size_t most) {
  support::Directory entries(folder.c_str());
  std::vector<std::string> letters;
  while (const char* const name = entries.next()) {
    if (std::string_view(name).ends_with(kLetterSuffix)) letters.emplace_back(name);
  }
  if (letters.size() <= most) return;
  std::sort(letters.begin(), letters.end());
  letters.resize(letters.size() - most);
  for (const auto& letter : letters) ::unlinkat(entries.fd(), letter.c_str(), 0);
}

// "001732104000123-4711-0-shop.price.letter"
std::string name_of(const DeadLetter& letter) {
  static std::atomic<unsigned> count{0};
  char number[64];
  std::snprintf(number, sizeof number, "%015lld-%d-%u-", static_cast<long long>(letter.died_unix_ms),
                static_cast<int>(::getpid()), count.fetch_add(1, std::memory_order_relaxed));  // relaxed: only unique
  return number + letter.task + std::string(kLetterSuffix);
}

// With those above it, which are for whoever the umask says; it is for its owner alone.
void make_folder(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    path[slash] = '\0';
    ::mkdir(path.c_str(), 0777);
    path[slash] = '/';
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    support::raise_system_error(errno, "make the folder " + support::in_quotes(path), "disk");
  }
}

}  // namespace

fs::path keep_dead_letter(const fs::path& folder, const DeadLetter& letter, std::size_t most) {
  make_folder(folder);
  sdk::BufferSink sink;
  sdk::write(sink, letter);
  const std::string file = support::joined_path(folder, name_of(letter));
  NewFile fresh(folder, file);
  fresh.write(kFirstLine.data(), kFirstLine.size());
  const auto bytes = sink.bytes();
  fresh.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  fresh.publish();
  remove_oldest(folder, most);
  return file;
}

DeadLetter read_dead_letter(const fs::path& file) {
  const auto failed = [&](int error) {
    support::raise_system_error(error, "read " + support::in_quotes(file.string()), "file");
  };
  const support::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_open()) failed(errno);
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) failed(errno);
  if (!S_ISREG(about.st_mode)) refuse(file, "it is no regular file");
  const auto size = static_cast<std::uint64_t>(about.st_size);
  if (size > kMaxLetterBytes + kMaxLetterExtra) refuse(file, "it is too large");
  std::vector<std::byte> bytes(size);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failed(errno);
    if (got == 0) bytes.resize(done);  // it was cut meanwhile
    done += static_cast<std::size_t>(got);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kFirstLine)) refuse(file, "it does not begin as one");
  DeadLetter letter;
  try {
    sdk::read(std::span<const std::byte>(bytes).subspan(kFirstLine.size()), letter);
  } catch (const sdk::DecodeError& error) {
    refuse(file, std::string("it is damaged: ") + error.what());
  }
  return letter;
}

}  // namespace bulkhead::protocol
