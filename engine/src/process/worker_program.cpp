#include "process/worker_program.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "support/joined_path.hpp"
#include "support/system_error.hpp"

namespace bulkhead::process {

namespace {

constexpr const char* kProgramName = "bulkhead-worker";

struct Candidate {
  std::filesystem::path path;
  std::string origin;
};

// Empty: it can be executed.
std::string trouble_with(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return support::errno_text(errno);
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  // The effective user's right, as execve() asks.
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return support::errno_text(errno);
  return {};
}

[[noreturn]] void raise_not_found(const std::vector<Candidate>& tried) {
  std::string text = "cannot find the worker program:";
  for (const auto& candidate : tried) {
    text += "\n  \"" + candidate.path.string() + "\" (" + candidate.origin + "): " + trouble_with(candidate.path);
  }
  const std::string hint = "set $BULKHEAD_WORKER, or the engine's option for the worker program";
  text += "\n  (" + hint + ")";
  detail::raise<ResourceError>(std::move(text), {.resource = "processes", .hint = hint});
}

std::filesystem::path library_file() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&library_file), &info) == 0 || info.dli_fname == nullptr) {
    return {};
  }
  std::error_code error;
  return std::filesystem::canonical(info.dli_fname, error);
}

}  // namespace

std::filesystem::path find_worker_program(const std::optional<std::filesystem::path>& option) {
  std::vector<Candidate> candidates;
  const char* const variable = std::getenv("BULKHEAD_WORKER");
  // What somebody asked for is used or refused, never silently replaced.
  if (option) {
    candidates.push_back({*option, "the option"});
  } else if (variable != nullptr && *variable != '\0') {
    candidates.push_back({variable, "$BULKHEAD_WORKER"});
  } else {
#ifdef BULKHEAD_WORKER_PATH
    candidates.push_back({BULKHEAD_WORKER_PATH, "compiled in"});
#endif
    if (const auto library = library_file(); !library.empty()) {
      candidates.push_back({support::joined_path(library.parent_path(), kProgramName), "beside the library"});
    }
    std::error_code error;
    const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!executable.empty()) {
      candidates.push_back({support::joined_path(executable.parent_path(), kProgramName), "beside the executable"});
    }
  }
  for (const auto& candidate : candidates) {
    if (trouble_with(candidate.path).empty()) return candidate.path;
  }
  raise_not_found(candidates);
}

}  // namespace bulkhead::process
