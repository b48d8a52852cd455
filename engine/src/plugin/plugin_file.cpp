#include "plugin/plugin_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/catalogue_note.hpp"
#include "plugin/elf_reader.hpp"
#include "plugin/private_copy.hpp"
#include "plugin/sha256.hpp"
#include "support/byte_size.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::plugin {

namespace {

using Reason = PluginError::Reason;

[[noreturn]] void fail(const std::string& path, Reason reason, const std::string& why) {
  detail::raise<PluginError>("cannot use plugin \"" + path + "\": " + why, {.path = path, .reason = reason});
}

std::string link_target(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::read_symlink(path, ignored).string();
}

[[noreturn]] void fail_open(const std::filesystem::path& path, int error_number) {
  const std::string text = path.string();
  std::error_code ignored;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      fail(text, Reason::kMissing, "there is no such file (build it, or correct the path)");
    case EACCES:
    case EPERM:
      fail(text, Reason::kPermission, "it may not be read by this user (check its permissions)");
    case ELOOP:
      if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored))) {
        fail(text, Reason::kNotRegular,
             "it is a symbolic link, which may lead elsewhere later (name the file itself: \"" + link_target(path) +
                 "\")");
      }
      fail(text, Reason::kMissing, "symbolic links in its path lead in a circle");
    case ENXIO:  // a socket
    case ENODEV:
      fail(text, Reason::kNotRegular, "it is not a regular file");
    case ENAMETOOLONG:
      fail(text, Reason::kMissing, "its name is too long");
    default:
      support::raise_system_error(error_number, "open plugin \"" + text + "\"", "files");
  }
}

support::UniqueFd open_regular(const std::filesystem::path& path, std::uint64_t& size) {
  // O_NONBLOCK: opening a FIFO would wait for a writer; for a regular file it means nothing.
  support::UniqueFd fd(BULKHEAD_FAULT_CALL(
      "plugin.open", EMFILE, -1, ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)));
  if (!fd.is_open()) fail_open(path, errno);
  struct stat status {};
  if (BULKHEAD_FAULT_CALL("plugin.fstat", EIO, -1, ::fstat(fd.get(), &status)) != 0) {
    support::raise_system_error(errno, "look at plugin \"" + path.string() + "\"", "files");
  }
  if (S_ISDIR(status.st_mode)) {
    fail(path.string(), Reason::kNotRegular, "it is a directory (name the .so file in it)");
  }
  if (!S_ISREG(status.st_mode)) {
    fail(path.string(), Reason::kNotRegular, "it is not a regular file");
  }
  size = static_cast<std::uint64_t>(status.st_size);
  if (size > PluginFile::kMaxBytes) {
    fail(path.string(), Reason::kNotElf,
         "it is larger than " + support::byte_size_text(PluginFile::kMaxBytes) + " (strip its debug information)");
  }
  return fd;
}

std::vector<std::byte> read_all(int fd, std::uint64_t size, const std::string& path) {
  std::vector<std::byte> bytes(size);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        BULKHEAD_FAULT_CALL("plugin.read", EIO, ssize_t{-1},
                            ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) support::raise_system_error(errno, "read plugin \"" + path + "\"", "files");
    if (got == 0) {
      fail(path, Reason::kTruncated, "it became shorter while it was read (is it being built?)");
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

void check_pin(const std::vector<std::byte>& bytes, std::string pin, const std::string& path) {
  if (!is_sha256_hex(pin)) {
    fail(path, Reason::kHashMismatch, "its sha256 pin is not 64 hexadecimal digits");
  }
  std::ranges::transform(pin, pin.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string found = sha256_hex(bytes);
  if (found != pin) {
    fail(path, Reason::kHashMismatch,
         "its sha256 is " + found + ", pinned is " + pin +
             " (it was changed or rebuilt; if that was intended, correct the pin)");
  }
}

}  // namespace

PluginFile PluginFile::open(const std::filesystem::path& path, const std::optional<std::string>& sha256_pin) {
  const std::string shown = path.string();
  std::uint64_t size = 0;
  support::UniqueFd file = open_regular(path, size);
  const std::vector<std::byte> bytes = read_all(file.get(), size, shown);

  ElfFacts facts = read_elf(bytes, shown);
  if (!facts.catalogue) {
    fail(shown, Reason::kNotAPlugin,
         "it is not a Bulkhead plugin: it has no catalogue (give it a BULKHEAD_PLUGIN and build it "
         "with bulkhead_add_plugin)");
  }
  PluginFile plugin;
  plugin.entry_ = parse_note(*facts.catalogue, shown);
  plugin.needed_ = std::move(facts.needed);
  if (sha256_pin) check_pin(bytes, *sha256_pin, shown);

  plugin.is_private_copy_ = !facts.uses_origin;
  plugin.fd_ = facts.uses_origin ? std::move(file) : make_private_copy(bytes, "bulkhead:" + plugin.entry_.name);
  return plugin;
}

std::string PluginFile::sha256() const { return sha256_hex_of_fd(fd_.get()); }

}  // namespace bulkhead::plugin
