#include "pool/pool_settings.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "ipc/channel_layout.hpp"
#include "ipc/spin.hpp"

namespace bulkhead::pool {

namespace {

// `own` keeps what it has. Durations become limits.
template <class T, class U>
void fill(std::optional<T>& own, const Setting<U>& manifest) {
  if (!own && manifest.value) own = T(*manifest.value);
}

std::chrono::nanoseconds not_negative(const char* name, TimeLimit limit) {
  if (limit.value() < std::chrono::nanoseconds::zero()) refuse_options(std::string(name) + " must not be negative");
  return limit.value();
}

std::chrono::nanoseconds positive(const char* name, TimeLimit limit) {
  if (limit.value() <= std::chrono::nanoseconds::zero()) refuse_options(std::string(name) + " must be more than zero");
  return limit.value();
}

// kNoLimit leaves the default.
void set_count(std::uint64_t& to, const char* name, int least, std::optional<int> count) {
  if (!count || *count == static_cast<int>(kNoLimit)) return;
  if (*count < least) {
    refuse_options(std::string(name) + " must be at least " + std::to_string(least) + " (got " +
                   std::to_string(*count) + ")");
  }
  to = static_cast<std::uint64_t>(*count);
}

void set_bytes(std::uint64_t& to, const char* name, std::optional<std::uint64_t> bytes) {
  if (!bytes) return;
  if (*bytes == 0) refuse_options(std::string(name) + " must be at least 1 byte");
  to = *bytes;
}

std::uint32_t checked_workers(std::optional<int> processes) {
  if (!processes) return ipc::usable_cpus();
  if (*processes < 1 || *processes > LocalBackend::kMostWorkers) {
    refuse_options("a pool needs 1 to " + std::to_string(LocalBackend::kMostWorkers) + " processes (got " +
                   std::to_string(*processes) + ")");
  }
  return static_cast<std::uint32_t>(*processes);
}

std::uint32_t checked_ring_bytes(std::optional<std::uint32_t> asked) {
  constexpr std::uint32_t kLeast = 64u << 10;
  constexpr std::uint32_t kMost = 1u << 30;
  const std::uint32_t bytes = asked.value_or(ipc::ChannelSizes{}.request_ring_bytes);
  if (bytes < kLeast || bytes > kMost || (bytes & (bytes - 1)) != 0) {
    refuse_options("ring_bytes must be a power of two from 64 KiB to 1 GiB (got " + std::to_string(bytes) + ")");
  }
  return bytes;
}

}  // namespace

void refuse_options(std::string text) { detail::raise<UsageError, std::invalid_argument>(std::move(text)); }

std::optional<StartMethod> named_start_method(const Manifest& manifest) {
  const auto& name = manifest.start_method.value;
  if (!name) return std::nullopt;
  if (*name == "spawn") return StartMethod::kSpawn;
  if (*name == "fork") return StartMethod::kFork;
  if (*name == "thread") return StartMethod::kThread;
  return StartMethod::kForkserver;
}

LocalBackend::Settings checked_settings(const PoolOptions& options) {
  LocalBackend::Settings settings;
  settings.workers = checked_workers(options.processes);
  settings.ring_bytes = checked_ring_bytes(options.ring_bytes);
  if (options.init_timeout) settings.init_limit = positive("init_timeout", *options.init_timeout);
  if (options.kill_grace) settings.kill_grace = not_negative("kill_grace", *options.kill_grace);
  if (options.idle_timeout) settings.idle_timeout = positive("idle_timeout", *options.idle_timeout);
  set_count(settings.min_workers, "min_processes", 0, options.min_processes);
  SchedulerLimits& limits = settings.limits;
  set_count(limits.max_pending, "max_pending", 1, options.max_pending);
  set_bytes(limits.max_pending_bytes, "max_pending_bytes", options.max_pending_bytes);
  limits.when_full = options.when_full.value_or(limits.when_full);
  if (options.submit_timeout) limits.submit_timeout = not_negative("submit_timeout", *options.submit_timeout);
  set_count(limits.max_tasks_per_child, "max_tasks_per_child", 1, options.max_tasks_per_child);
  set_count(limits.max_tasks_jitter, "max_tasks_jitter", 0, options.max_tasks_jitter);
  set_bytes(limits.max_rss, "max_rss", options.max_rss);
  set_count(limits.quarantine_after, "quarantine_after", 1, options.quarantine_after);
  if (options.dead_letters) {
    if (options.dead_letters->empty()) refuse_options("dead_letters must name a folder (leave it out to keep none)");
    settings.dead_letters = *options.dead_letters;
    limits.keeps_dead_letters = true;
  }
  set_count(settings.max_dead_letters, "max_dead_letters", 1, options.max_dead_letters);
  settings.preload = options.preload.value_or(settings.preload);
  settings.hygiene = options.hygiene.value_or(settings.hygiene);
  return settings;
}

PoolOptions merged(const PoolOptions& program, const Manifest& manifest) {
  PoolOptions options = program;
  fill(options.processes, manifest.processes);
  fill(options.initializer, manifest.initializer);
  fill(options.max_tasks_per_child, manifest.max_tasks_per_child);
  if (!options.start_method) options.start_method = named_start_method(manifest);
  fill(options.plugins, manifest.pool_plugins);
  fill(options.init_timeout, manifest.init_timeout);
  fill(options.ring_bytes, manifest.ring_bytes);
  fill(options.max_tasks_jitter, manifest.max_tasks_jitter);
  fill(options.max_rss, manifest.pool_max_rss_bytes);
  fill(options.max_pending, manifest.max_pending);
  fill(options.max_pending_bytes, manifest.max_pending_bytes);
  if (!options.when_full && manifest.when_full.value) {
    options.when_full = *manifest.when_full.value == "fail" ? WhenFull::kFail : WhenFull::kBlock;
  }
  fill(options.submit_timeout, manifest.submit_timeout);
  fill(options.kill_grace, manifest.kill_grace);
  fill(options.idle_timeout, manifest.idle_timeout);
  fill(options.min_processes, manifest.min_processes);
  fill(options.dead_letters, manifest.dead_letters);
  fill(options.max_dead_letters, manifest.max_dead_letters);
  fill(options.preload, manifest.preload);
  if (!options.hygiene && manifest.hygiene.value) {
    options.hygiene = *manifest.hygiene.value == "strict" ? Hygiene::kStrict : Hygiene::kNone;
  }
  fill(options.quarantine_after, manifest.quarantine_after);
  if (const auto cap = manifest.max_rss_bytes.value) options.max_rss = std::min(options.max_rss.value_or(*cap), *cap);
  return options;
}

}  // namespace bulkhead::pool
