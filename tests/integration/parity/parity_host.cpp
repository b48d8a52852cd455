// A host in a process of its own, for what a test cannot do to itself: parity_host MODE START_METHOD. It ends with 0 when
// all went as it should.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "bulkhead/engine.hpp"

namespace {

using bulkhead::StartMethod;

struct Host {
  explicit Host(StartMethod method) : pool(engine.pool({.processes = 2, .start_method = method})) {}
  [[nodiscard]] bool works() { return pool.apply<std::int64_t>("parity.square", 3) == 9; }

  bulkhead::Engine engine =
      bulkhead::Engine::from_plugins({std::string(std::getenv("BULKHEAD_TEST_PLUGINS")) + "/parity.so",
                                      std::string(std::getenv("BULKHEAD_TEST_PLUGINS")) + "/misbehave.so"});
  bulkhead::Pool pool;
};

int without_stdout_and_stderr(StartMethod method) {
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
  Host host(method);
  if (!host.works()) return 1;
  host.pool.close();
  host.pool.join();
  return 0;
}

// Left in a global, without close() or join().
std::optional<Host> kept;
int with_a_pool_at_exit(StartMethod method) {
  kept.emplace(method);
  return kept->works() ? 0 : 1;
}

// Prints a worker's pid; then it is to be killed.
int with_a_running_task(StartMethod method) {
  Host host(method);
  const auto pid = host.pool.apply<std::int64_t>("misbehave.pid");
  (void)host.pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000);
  std::printf("%lld\n", static_cast<long long>(pid));
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::function<int(StartMethod)>> modes{
      {"closed-stdio", &without_stdout_and_stderr},
      {"pool-at-exit", &with_a_pool_at_exit},
      {"running-task", &with_a_running_task},
  };
  const std::map<std::string, StartMethod> methods{
      {"forkserver", StartMethod::kForkserver}, {"spawn", StartMethod::kSpawn}, {"thread", StartMethod::kThread}};
  const auto mode = modes.find(argc == 3 ? argv[1] : "");
  const auto method = methods.find(argc == 3 ? argv[2] : "");
  if (mode == modes.end() || method == methods.end()) return 64;
  try {
    return mode->second(method->second);
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 70;
  }
}
