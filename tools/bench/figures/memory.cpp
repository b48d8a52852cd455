// Memory of what waits, and what an idle engine costs.
#include <malloc.h>

#include <algorithm>
#include <ranges>
#include <stdexcept>
#include <thread>

#include "clocks.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"
#include "proc.hpp"

namespace bulkhead::bench {

namespace {

constexpr std::size_t kQueued = 1'000'000;
constexpr double kBytesPerMebibyte = 1 << 20;

void run_queue(const Settings&, Findings& findings) {
  BulkheadPool ours(1);
  Pool& pool = ours.pool();
  (void)ours.call_ahead(1000);
  const auto held = pool.apply_async<void>("bench.hold");
  std::vector<AsyncResult<std::int64_t>> results;
  results.reserve(kQueued);
  ::malloc_trim(0);
  const auto before = own_memory();
  for (std::size_t i = 0; i < kQueued; ++i) {
    results.push_back(pool.apply_async<std::int64_t>("bench.square", static_cast<std::int64_t>(i)));
  }
  const auto after = own_memory();
  held.cancel();
  std::uint64_t sum = 0;
  for (const auto& result : results) sum += static_cast<std::uint64_t>(result.get());
  if (sum != sum_of_squares(kQueued)) throw std::runtime_error("a wrong sum");
  const auto grown = static_cast<double>(after - before);
  findings.at("memory.queued_task").value = grown / kQueued;
  findings.at("memory.queued_task").parameters = {{"tasks", std::to_string(kQueued)}, {"payload", "int64"}};
  findings.at("memory.million_queued").value = grown / kBytesPerMebibyte;
}

void run_imap(const Settings& settings, Findings& findings) {
  const std::int64_t most = settings.is_quick ? 100'000 : 3'000'000;
  const std::int64_t step = most / 10;
  // By then everything has the size that it keeps.
  const std::int64_t warm = most / 2;
  BulkheadPool ours(2);
  Figure& figure = findings.at("memory.imap_growth");
  Curve curve{"host's memory", {}};
  std::int64_t seen = 0;
  std::uint64_t before = 0;
  for (const auto square : ours.pool().imap<std::int64_t>("bench.square", std::views::iota(std::int64_t{0}))) {
    if (square != seen * seen) throw std::runtime_error("a wrong result");
    ++seen;
    if (seen % step == 0) {
      curve.points.emplace_back(static_cast<double>(seen), static_cast<double>(own_memory()) / kBytesPerMebibyte);
    }
    if (seen == warm) before = own_memory();
    if (seen == most) break;
  }
  const auto grown = static_cast<double>(own_memory()) - static_cast<double>(before);
  figure.value = std::max(0.0, grown / kBytesPerMebibyte);
  figure.parameters = {{"workers", "2"}, {"items", std::to_string(warm) + " to " + std::to_string(most)}};
  figure.x_axis = "items taken";
  figure.y_axis = "MiB";
  figure.curves = {curve};
}

void run_idle(const Settings& settings, Findings& findings) {
  BulkheadPool ours(2);
  (void)ours.call_ahead(10'000);
  auto processes = ours.processes();
  std::vector<double> memory;
  for (const pid_t pid : processes) {
    memory.push_back(static_cast<double>(memory_beyond(pid, "/bench.so")) / kBytesPerMebibyte);
  }
  // The process that forks the workers counts too.
  processes.push_back(parent_of(processes.at(0)));
  // Long enough for every spin to have ended.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const CpuClock cpu(processes);
  const double before = cpu.read_us();
  const auto length = settings.is_quick ? std::chrono::seconds(1) : std::chrono::seconds(10);
  std::this_thread::sleep_for(length);
  const double used = cpu.read_us() - before;
  findings.at("idle.cpu").value = 100 * used / 1e6 / static_cast<double>(length.count());
  findings.at("idle.cpu").parameters = {{"workers", "2"}, {"seconds", std::to_string(length.count())}};
  findings.at("idle.worker_memory").value = std::ranges::max(memory);
  findings.at("idle.worker_memory").parameters = {{"workers", "2"}, {"calls before", "10000"}};
}

}  // namespace

Experiment memory_of_queue() {
  return {
      {{"memory.queued_task", "bytes", "host's memory for a small call that waits, its handle included", at_most(256)},
       {"memory.million_queued", "MiB", "the same for a million", at_most(256)}},
      run_queue};
}

Experiment memory_of_imap() {
  return {{{"memory.imap_growth", "MiB", "host's memory gained by imap over an endless range (constant: at most 1 MiB)",
            at_most(1)}},
          run_imap};
}

Experiment idle() {
  return {{{"idle.cpu", "%",
            "of one processor: host, workers and warden together when nothing is to be done (0 %: less than 0.05)",
            at_most(0.05)},
           {"idle.worker_memory", "MiB", "resident memory of a worker, without its plugin", at_most(8)}},
          run_idle};
}

}  // namespace bulkhead::bench
