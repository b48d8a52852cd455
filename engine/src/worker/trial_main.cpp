#include "worker/trial_main.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bulkhead/error.hpp"
#include "plugin/loader.hpp"
#include "plugin/plugin_file.hpp"
#include "protocol/control.hpp"
#include "support/nesting.hpp"
#include "worker/plugin_host.hpp"

namespace bulkhead::worker {

namespace {

void report(std::string line) {
  for (char& c : line) {
    if (c == '\n') c = ' ';  // of a library's own message
  }
  line += '\n';
  // Whoever asked may be gone; there is nobody else to tell.
  (void)!::write(protocol::kSocketFd, line.data(), line.size());
}

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  file >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t thread_count() {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/self/task", error);
  return error ? 1 : std::distance(begin(threads), end(threads));
}

void try_to_load(const std::string& file, const std::string& config_json) {
  const auto opened = plugin::PluginFile::open(file);
  const auto bytes_before = resident_bytes();
  report("begin");
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = plugin::LoadedPlugin::load(opened.fd(), file);
  const auto taken = std::chrono::steady_clock::now() - start;
  const auto bytes = resident_bytes() - bytes_before;
  const auto threads = thread_count() - 1;
  plugin::check_same(opened.entry(), plugin::describe(loaded, file));
  report("loaded " + std::to_string(std::chrono::nanoseconds(taken).count()) + ' ' + std::to_string(bytes) + ' ' +
         std::to_string(threads));

  const auto* const host = lasting_host(opened.entry().name, config_json);
  const auto begin_of_initialiser = std::chrono::steady_clock::now();
  std::string error;
  if (!run_load(loaded.table(), host, error)) return report("refused its initialiser failed: " + error);
  const auto initialised = std::chrono::steady_clock::now() - begin_of_initialiser;
  report("initialised " + std::to_string(std::chrono::nanoseconds(initialised).count()));
}

}  // namespace

void run_trial(const std::string& file, const std::string& config_json) noexcept {
  try {
    support::enter_worker();
    try_to_load(file, config_json);
  } catch (const Error& error) {
    report(std::string("refused ") + error.what());
  } catch (const std::exception& error) {
    report(std::string("refused ") + error.what());
  }
  // The plugin's destructors could only spoil it; what it wrote by stdio is still in a buffer.
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace bulkhead::worker
