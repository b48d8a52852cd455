#include "image/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace image {
namespace {

[[noreturn]] void fail_to_write(const std::filesystem::path& path, int error_number) {
  throw std::system_error(error_number, std::generic_category(), "cannot write \"" + path.string() + "\"");
}

int try_write(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

void write_whole_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  if (path.native().find('\0') != std::string::npos || !path.has_filename()) fail_to_write(path, EINVAL);
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) fail_to_write(path, error.value());
  // Beside its place, so that the last step is a rename; of a name that no other thread has.
  const auto part = path.parent_path() / (".thumbnail-" + std::to_string(::gettid()) + ".part");
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) fail_to_write(path, errno);
  int error_number = try_write(fd, bytes);
  if (::close(fd) != 0 && error_number == 0) error_number = errno;
  if (error_number == 0 && ::rename(part.c_str(), path.c_str()) != 0) error_number = errno;
  if (error_number == 0) return;
  ::unlink(part.c_str());
  fail_to_write(path, error_number);
}

}  // namespace image
