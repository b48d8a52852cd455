#include "proc.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace bulkhead::bench {

std::uint64_t own_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t memory_beyond(pid_t pid, const std::string& file_ending) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps");
  std::uint64_t kilobytes = 0;
  bool counts = true;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Rss:")) {
      if (counts) kilobytes += std::strtoull(line.c_str() + 4, nullptr, 10);
    } else if (line.find('-') != std::string::npos && line.find('-') < line.find(' ')) {
      counts = !line.ends_with(file_ending);  // a mapping's first line: addresses and file
    }
  }
  return kilobytes * 1024;
}

pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("PPid:")) return static_cast<pid_t>(std::strtol(line.c_str() + 5, nullptr, 10));
  }
  return 0;
}

}  // namespace bulkhead::bench
