#include "machine.hpp"

#include <sys/utsname.h>

#include <bulkhead/options.hpp>

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace bulkhead::bench {

namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

Machine this_machine() {
  Machine machine;
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  machine.date = text;
  machine.processor = processor_name();
  machine.cpus = usable_cpu_count();
  utsname system{};
  if (::uname(&system) == 0) machine.kernel = std::string(system.sysname) + " " + system.release;
#ifdef __clang__
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "g++ " __VERSION__;
#endif
  ::getloadavg(&machine.load, 1);
  return machine;
}

}  // namespace bulkhead::bench
