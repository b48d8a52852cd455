#include "chaos_killer.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace bulkhead::cli {

namespace {

using std::chrono::milliseconds;

// How soon to look again for a target, and whether the workers are ready: fine enough for times of some milliseconds,
// and little beside the load.
constexpr auto kLook = milliseconds(1);
constexpr int kLongestStopMs = 200;

const WorkerStats* worker_in(const PoolStats& stats, int slot) {
  const auto worker = std::ranges::find(stats.workers, slot, &WorkerStats::slot);
  return worker == stats.workers.end() ? nullptr : &*worker;
}

}  // namespace

ChaosKiller::ChaosKiller(Pool& pool, std::shared_ptr<ChaosAccount> account, const ChaosKillerOptions& options)
    : pool_(pool), account_(std::move(account)), options_(options), random_(options.seed) {
  if (options_.attacks_per_second > 0) thread_ = std::thread([this] { run(); });
}

ChaosAttacks ChaosKiller::finish(std::chrono::seconds patience) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = Clock::now() + patience;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  return done_;
}

void ChaosKiller::run() {
  Clock::time_point next_attack = Clock::now();  // the first as soon as there is a worker
  std::unique_lock lock(mutex_);
  while (!end_ || (!weak_.empty() && Clock::now() < *end_)) {
    const bool is_ending = end_.has_value();
    lock.unlock();
    const auto now = Clock::now();
    // The pool cannot become whole while one of its workers is held.
    resume(is_ending ? Clock::time_point::max() : now);
    look_at_strength(now);
    if (is_ending) {
      next_attack = Clock::time_point::max();
    } else if (now >= next_attack) {
      next_attack = now + (attack() ? gap() : kLook);
    }
    lock.lock();
    // finish() came meanwhile, or there is nothing left to wait for: nobody would end the wait.
    if (end_ && (!is_ending || weak_.empty())) continue;
    changed_.wait_until(lock, next_step(next_attack));
  }
  lock.unlock();
  resume(Clock::time_point::max());
  // Where workers go on ending by themselves they may never be all ready at once: that is the plugin's doing. A killed
  // one that was not replaced is not.
  const PoolStats stats = pool_.stats();
  done_.unrecovered = static_cast<std::uint64_t>(
      std::ranges::count_if(weak_, [&](const Killed& killed) { return !is_replaced(stats, killed); }));
}

ChaosKiller::Clock::time_point ChaosKiller::next_step(Clock::time_point next_attack) const {
  // Never for ever: time_point::max() overflows in the wait.
  auto next = std::min(next_attack, Clock::now() + std::chrono::seconds(1));
  for (const auto& stopped : stopped_) next = std::min(next, stopped.until);
  if (!weak_.empty()) next = std::min(next, Clock::now() + kLook);
  return next;
}

// Independent of all before: two may come at once, and then none for long.
ChaosKiller::Clock::duration ChaosKiller::gap() {
  std::exponential_distribution<double> seconds(options_.attacks_per_second);
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds(random_), 3600.0)));
}

bool ChaosKiller::attack() {
  const bool stops = options_.stops && random_() % 2 == 0;
  const auto targets = static_cast<unsigned>(pool_.processes()) + 1;
  const bool is_warden = options_.on_warden && random_() % targets == 0;
  // A warden that is just being replaced cannot be attacked; a worker can.
  const bool is_done = (is_warden && attack_warden(stops)) || attack_worker(stops);
  if (is_done) attacks_.fetch_add(1);
  return is_done;
}

bool ChaosKiller::attack_worker(bool stops) {
  auto workers = pool_.stats().workers;
  std::erase_if(workers, [&](const WorkerStats& worker) {
    return worker.pid <= 0 || !worker.is_ready || (stops && is_stopped(worker.pid));
  });
  if (workers.empty()) return false;
  const WorkerStats target = workers[random_() % workers.size()];
  const auto pid = static_cast<pid_t>(target.pid);
  ProcessHandle process(pid);
  // Between the pool's word and the handle the worker may have ended and its number be another's.
  const PoolStats again = pool_.stats();
  const WorkerStats* const same = worker_in(again, target.slot);
  if (same == nullptr || same->pid != target.pid || same->processes != target.processes) return false;
  if (!process.is_engines_own()) return false;
  if (stops) {
    if (!process.send(SIGSTOP)) return false;
    stop(std::move(process), pid);
    ++done_.worker_stops;
    return true;
  }
  const auto at = Clock::now();
  if (!process.send(SIGKILL)) return false;
  account_->add_kill(pid);
  weak_.push_back({target.slot, target.processes, at});
  ++done_.worker_kills;
  return true;
}

bool ChaosKiller::attack_warden(bool stops) {
  const pid_t pid = find_warden();
  if (pid == 0 || (stops && is_stopped(pid))) return false;
  ProcessHandle process(pid);
  if (!process.is_engines_own() || find_warden() != pid) return false;
  if (!process.send(stops ? SIGSTOP : SIGKILL)) return false;
  if (stops) {
    stop(std::move(process), pid);
    ++done_.warden_stops;
  } else {
    ++done_.warden_kills;
  }
  return true;
}

void ChaosKiller::stop(ProcessHandle process, pid_t pid) {
  const auto length = milliseconds(1 + static_cast<int>(random_() % kLongestStopMs));
  stopped_.push_back({std::move(process), pid, Clock::now() + length});
}

void ChaosKiller::resume(Clock::time_point now) {
  std::erase_if(stopped_, [&](const Stopped& stopped) {
    if (stopped.until > now) return false;
    stopped.process.send(SIGCONT);
    return true;
  });
}

bool ChaosKiller::is_stopped(std::int64_t pid) const {
  return std::ranges::any_of(stopped_, [&](const Stopped& stopped) { return stopped.pid == pid; });
}

bool ChaosKiller::is_replaced(const PoolStats& stats, const Killed& killed) {
  const WorkerStats* const worker = worker_in(stats, killed.slot);
  return worker != nullptr && worker->processes > killed.processes;
}

void ChaosKiller::look_at_strength(Clock::time_point now) {
  if (weak_.empty()) return;
  const PoolStats stats = pool_.stats();
  const auto ready = std::ranges::count_if(stats.workers, &WorkerStats::is_ready);
  if (ready < pool_.processes()) return;
  std::erase_if(weak_, [&](const Killed& killed) {
    // The pool may not have heard of the death yet, and call the dead one ready.
    if (!is_replaced(stats, killed)) return false;
    done_.to_full_strength.push_back(now - killed.at);
    return true;
  });
}

}  // namespace bulkhead::cli
