#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "bulkhead/manifest.hpp"
#include "plugin/manifest_limits.hpp"
#include "plugin/manifest_reader.hpp"
#include "support/byte_size.hpp"
#include "support/joined_path.hpp"
#include "support/system_error.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead {

namespace {

namespace fs = std::filesystem;
using plugin::raise_manifest_error;
using support::joined_path;

constexpr const char* kFileName = "bulkhead.toml";

// Whoever else may write here could have it run anything as this user.
class TrustCheck {
 public:
  explicit TrustCheck(uid_t user) : user_(user) {}

  // Why nobody should trust it; empty: trusted.
  [[nodiscard]] std::string objection(const struct stat& status) const {
    if (status.st_uid != user_ && status.st_uid != 0) {
      return "belongs to another user (uid " + std::to_string(status.st_uid) + ")";
    }
    if (S_ISLNK(status.st_mode)) return {};  // a link's mode means nothing
    if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0) return {};
    if ((status.st_mode & S_IWOTH) != 0) return "may be written by everybody";
    // A group with its owner's number is, by the convention of user-private groups, only them.
    if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != status.st_uid) {
      return "may be written by its group (gid " + std::to_string(status.st_gid) + ")";
    }
    return {};
  }

 private:
  uid_t user_;
};

[[noreturn]] void refuse(const fs::path& file, const std::string& what, const std::string& objection) {
  raise_manifest_error(file.string(), {}, "the manifest was found here but is not trusted: " + what + " " + objection,
                       "a manifest runs native code: correct its owner and mode (chmod go-w), or "
                       "name it with -m");
}

[[noreturn]] void fail_file(const fs::path& file, int error_number) {
  const char* help = error_number == ENOENT ? "correct the path, or leave it out" : "";
  raise_manifest_error(file.string(), {}, "cannot read the manifest: " + support::errno_text(error_number), help);
}

// What is open is what is looked at and read: a path may lead elsewhere a moment later.
support::UniqueFd open_file(const fs::path& file, struct stat& status) {
  support::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0) fail_file(file, errno);
  if (!S_ISREG(status.st_mode)) {
    raise_manifest_error(file.string(), {}, "the manifest is not a regular file", "name a TOML file");
  }
  return fd;
}

std::string read_text(int fd, const fs::path& file) {
  // One byte more than allowed tells a file that is too large from one that just fits.
  std::string text(plugin::kMaxManifestBytes + 1, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(fd, text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file(file, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;  // the parser refuses the byte too many
}

bool is_there(const fs::path& path) {
  struct stat status {};
  // What cannot be looked at does exist: passing over it would use another manifest in silence.
  return ::lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Manifest read_found(const fs::path& file, uid_t user, std::string origin) {
  const TrustCheck trust(user);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  struct stat status {};
  // The folder first: in one that is trusted nobody else can exchange the entry between two looks.
  if (::stat(folder.c_str(), &status) != 0) fail_file(file, errno);
  if (const auto objection = trust.objection(status); !objection.empty()) {
    refuse(file, "its folder", objection);
  }
  if (::lstat(file.c_str(), &status) != 0) fail_file(file, errno);
  if (const auto objection = trust.objection(status); !objection.empty()) {
    refuse(file, S_ISLNK(status.st_mode) ? "the symbolic link" : "it", objection);
  }
  const support::UniqueFd fd = open_file(file, status);
  if (const auto objection = trust.objection(status); !objection.empty()) {
    refuse(file, "it", objection);
  }
  Manifest manifest = parse_manifest(read_text(fd.get(), file), file.string());
  manifest.origin = std::move(origin);
  return manifest;
}

// Empty when unset, or set to nothing.
std::optional<std::string> variable(const ManifestSearch& search, const char* name) {
  auto value = search.environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

std::optional<fs::path> find_upwards(const fs::path& start, const std::optional<fs::path>& home) {
  for (fs::path folder = start;; folder = folder.parent_path()) {
    if (fs::path file = joined_path(folder, kFileName); is_there(file)) return file;
    const bool is_home = home && folder == home->lexically_normal();
    if (is_home || is_there(joined_path(folder, ".git")) || folder == folder.parent_path()) return std::nullopt;
  }
}

}  // namespace

Manifest read_manifest(const fs::path& file) {
  struct stat status {};
  const support::UniqueFd fd = open_file(file, status);
  return parse_manifest(read_text(fd.get(), file), file.string());
}

ManifestSearch ManifestSearch::of_this_process() {
  std::error_code error;
  fs::path here = fs::current_path(error);  // empty when it was deleted: nothing is found there
  return {.working_directory = std::move(here),
          .environment = [](const char* name) -> std::optional<std::string> {
            const char* value = std::getenv(name);
            if (value == nullptr) return std::nullopt;
            return value;
          },
          .user = ::geteuid()};
}

std::optional<Manifest> find_manifest(const ManifestSearch& search) {
  if (const auto named = variable(search, "BULKHEAD_MANIFEST")) {
    return read_found(*named, search.user, "BULKHEAD_MANIFEST");
  }
  std::optional<fs::path> home;
  if (auto value = variable(search, "HOME")) home = *value;
  if (search.working_directory.is_absolute()) {
    if (const auto file = find_upwards(search.working_directory, home)) {
      return read_found(*file, search.user, "found");
    }
  }
  std::optional<fs::path> config;
  if (const auto value = variable(search, "XDG_CONFIG_HOME"); value && value->front() == '/') {
    config = *value;  // the XDG rules say to ignore relative ones
  } else if (home) {
    config = joined_path(*home, ".config");
  }
  if (config) {
    const fs::path file = joined_path(joined_path(*config, "bulkhead"), kFileName);
    if (is_there(file)) return read_found(file, search.user, "user");
  }
  const fs::path file = joined_path(search.system_directory, kFileName);
  if (is_there(file)) return read_found(file, search.user, "system");
  return std::nullopt;
}

}  // namespace bulkhead
