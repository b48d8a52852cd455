#include "worker/descendants.hpp"

#include <dirent.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

namespace bulkhead::worker {

namespace {

// From /proc/<pid>/stat: "pid (name) state ppid …", where the name may hold anything, ')' too.
pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > line.size()) return -1;
  pid_t parent = -1;
  const char* const from = line.data() + name_end + 4;
  std::from_chars(from, line.data() + line.size(), parent);
  return parent;
}

// Every process whose parent is this one. (/proc/self/task/*/children needs a kernel option.)
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (!proc) return found;
  const pid_t self = ::getpid();
  while (const dirent* const entry = ::readdir(proc.get())) {
    pid_t pid = 0;
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr != end || pid <= 0) continue;
    if (parent_of(pid) == self) found.push_back(pid);
  }
  return found;
}

}  // namespace

void end_descendants(support::Deadline deadline) {
  for (int round = 0; !deadline.has_passed(); ++round) {
    pid_t reaped = 0;
    while ((reaped = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0 && errno == ECHILD) return;
    // Those asked for are dying already. Only what is still here after a while is worth a search.
    if (round % 8 == 7) {
      for (const pid_t pid : children()) ::kill(pid, SIGKILL);
    }
    ::poll(nullptr, 0, 1);
  }
}

void remove_doorbell(const std::string& name) {
  if (!name.starts_with("bulkhead.") || name.find('/') != std::string::npos) return;
  ::sem_unlink(("/" + name).c_str());
}

}  // namespace bulkhead::worker
