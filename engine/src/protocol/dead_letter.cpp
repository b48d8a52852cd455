#include "protocol/dead_letter.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bulkhead/sdk/archive.hpp>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "bulkhead/error.hpp"
#include "support/in_quotes.hpp"
#include "support/system_error.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::protocol {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "bulkhead dead letter, format 1\n";
// What goes with the input.
constexpr std::uint64_t kMaxLetterExtra = std::uint64_t{1} << 20;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  detail::raise<PayloadError>(support::in_quotes(file.string()) + " is not a dead letter: " + why +
                              " (bulkhead replay takes the files that [pool] dead_letters keeps)");
}

void write_all(int fd, const char* bytes, std::size_t size, const fs::path& file) {
  while (size > 0) {
    const ssize_t written = ::write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) support::raise_system_error(errno, "write " + support::in_quotes(file.string()), "disk");
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

// In the order of their names, which begin with the time.
void remove_oldest(const fs::path& folder, std::size_t most) {
  std::vector<fs::path> letters;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == kLetterSuffix) letters.push_back(entry.path());
  }
  if (letters.size() <= most) return;
  std::sort(letters.begin(), letters.end());
  letters.resize(letters.size() - most);
  for (const auto& letter : letters) fs::remove(letter, error);
}

// "001732104000123-4711-0-shop.price.letter"
std::string name_of(const DeadLetter& letter) {
  static std::atomic<unsigned> count{0};
  char number[64];
  std::snprintf(number, sizeof number, "%015lld-%d-%u-", static_cast<long long>(letter.died_unix_ms),
                static_cast<int>(::getpid()), count.fetch_add(1, std::memory_order_relaxed));  // relaxed: only unique
  return number + letter.task + std::string(kLetterSuffix);
}

}  // namespace

fs::path keep_dead_letter(const fs::path& folder, const DeadLetter& letter, std::size_t most) {
  const std::string shown = support::in_quotes(folder.string());
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    support::raise_system_error(errno, "make the folder " + shown, "disk");
  }
  sdk::BufferSink sink;
  sdk::write(sink, letter);
  const fs::path file = folder / name_of(letter);
  const fs::path unfinished = file.string() + ".new";
  const support::UniqueFd fd(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open()) support::raise_system_error(errno, "make a file in " + shown, "disk");
  try {
    // Whatever the umask.
    if (::fchmod(fd.get(), 0600) != 0) support::raise_system_error(errno, "protect a file in " + shown, "disk");
    write_all(fd.get(), kFirstLine.data(), kFirstLine.size(), unfinished);
    const auto bytes = sink.bytes();
    write_all(fd.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size(), unfinished);
    if (::rename(unfinished.c_str(), file.c_str()) != 0) {
      support::raise_system_error(errno, "rename a file in " + shown, "disk");
    }
  } catch (...) {
    ::unlink(unfinished.c_str());
    throw;
  }
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
