#include "chaos_run.hpp"

#include <atomic>
#include <thread>
#include <utility>

#include "failures.hpp"

namespace bulkhead::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Enough that every worker always has calls in its ring when it is killed, and that some wait in the host.
constexpr std::uint64_t kOpenCallsPerWorker = 256;
// So long without any verdict is a hang. Nobody would wait longer for the pool either.
constexpr auto kPatience = seconds(60);
// The first attack needs a worker that is ready, and comes at once then.
constexpr auto kPatienceForAttack = seconds(10);

}  // namespace

ChaosRun::ChaosRun(Pool& pool, Interrupt& interrupt, Progress& progress, ChaosRunOptions options)
    : pool_(pool),
      interrupt_(interrupt),
      progress_(progress),
      options_(std::move(options)),
      account_(std::make_shared<ChaosAccount>(options_.count, interrupt)),
      // Another sequence than the killer's.
      random_(options_.killer.seed + 1),
      window_(kOpenCallsPerWorker * static_cast<std::uint64_t>(pool.processes())) {}

ChaosOutcome ChaosRun::run() {
  bool has_verdicts = false;
  {
    ChaosKiller killer(pool_, account_, options_.killer);
    try {
      submit_all(killer);
      has_verdicts = wait_for_verdicts();
    } catch (const Interrupted& interrupted) {
      outcome_.signal = interrupted.signal;
    } catch (const PoolBroken& broken) {
      outcome_.pool_failure = broken.what();
    }
    if (outcome_.pool_failure.empty()) outcome_.pool_failure = account_->pool_failure();
    progress_.clear();
    outcome_.attacks = killer.finish(has_verdicts && !is_useless() ? kPatience : seconds(0));
    // After an early end nobody waited for the workers: that says nothing about them.
    if (!has_verdicts || is_useless()) outcome_.attacks.unrecovered = 0;
  }
  outcome_.seconds = progress_.seconds();
  if (const auto text = account_->argument_error(); options_.must_decode && !text.empty()) throw UsageFailure(text);
  const auto& attacks = outcome_.attacks;
  if (!outcome_.pool_failure.empty() && attacks.worker_kills + attacks.warden_kills == 0) {
    detail::raise<PoolBroken>(outcome_.pool_failure);
  }
  end_pool(has_verdicts);
  return std::move(outcome_);
}

// There is no sense in going on.
bool ChaosRun::is_useless() const {
  return !account_->pool_failure().empty() || (options_.must_decode && !account_->argument_error().empty());
}

// Fast calls may all be done before there was any attack, and then prove nothing: half of them come after the first.
bool ChaosRun::must_wait_for_attack(const ChaosKiller& killer) const {
  return options_.killer.attacks_per_second > 0 && killer.attacks() == 0 && outcome_.submitted >= options_.count / 2;
}

void ChaosRun::submit_all(const ChaosKiller& killer) {
  while (outcome_.submitted < options_.count && !is_useless()) {
    interrupt_.check();
    const std::uint64_t seen = interrupt_.notified();
    show_progress();
    if (must_wait_for_attack(killer)) {
      if (!std::exchange(is_held_, true)) held_since_ = steady_clock::now();
      if (steady_clock::now() - held_since_ < kPatienceForAttack) {
        interrupt_.sleep(seen, milliseconds(1));
        continue;
      }
    }
    const std::uint64_t open = outcome_.submitted - account_->verdicts();
    if (open >= window_) {
      interrupt_.sleep(seen, milliseconds(100));
    } else {
      submit_one();
    }
  }
}

void ChaosRun::submit_one() {
  const ChaosCall& call = options_.calls[random_() % options_.calls.size()];
  const std::uint64_t index = outcome_.submitted;
  CallOptions<std::string> options;
  const CallOptions<void> limits = options_.limits.options();
  options.timeout = limits.timeout;
  options.soft_timeout = limits.soft_timeout;
  options.retries = limits.retries;
  options.priority = limits.priority;
  options.on_result = [account = account_, index](const std::string&) { account->add_result(index); };
  options.on_error = [account = account_, index](const Error& error) { account->add_error(index, error); };
  (void)pool_.apply_json_async(call.task, call.arguments, std::move(options));
  ++outcome_.submitted;
}

bool ChaosRun::wait_for_verdicts() {
  std::uint64_t verdicts = account_->verdicts();
  auto last = steady_clock::now();
  while (verdicts < outcome_.submitted) {
    interrupt_.check();
    if (is_useless()) return true;
    const std::uint64_t seen = interrupt_.notified();
    show_progress();
    if (const std::uint64_t now_there = account_->verdicts(); now_there != verdicts) {
      verdicts = now_there;
      last = steady_clock::now();
    } else if (steady_clock::now() - last > kPatience) {
      return false;
    } else {
      interrupt_.sleep(seen, milliseconds(100));
    }
  }
  return true;
}

void ChaosRun::show_progress() {
  const auto verdicts = account_->verdicts();
  progress_.update(verdicts, account_->failed(), static_cast<double>(verdicts) / static_cast<double>(options_.count));
}

void ChaosRun::end_pool(bool is_complete) {
  const bool is_early = outcome_.signal != 0 || !outcome_.pool_failure.empty();
  if (!is_early) {
    pool_.close();
    // Now that nothing more can come the rest is to come at last.
    try {
      if (!is_complete && !wait_for_verdicts()) {
        outcome_.hangs = outcome_.submitted - account_->verdicts();
        for (const auto& worker : pool_.stats().workers) outcome_.hangs_in_task += worker.running_task.empty() ? 0 : 1;
      }
    } catch (const Interrupted& interrupted) {
      outcome_.signal = interrupted.signal;
    }
  }
  // Before terminate() gives those that hang a verdict after all.
  if (outcome_.hangs > 0) outcome_.counts = account_->counts();
  if (outcome_.hangs > 0 || outcome_.signal != 0 || is_early) pool_.terminate();
  outcome_.has_ended = join_pool();
  if (outcome_.hangs > 0) return;
  // Whoever ends a pool early has a verdict for each call all the same.
  outcome_.counts = account_->counts();
  outcome_.hangs = outcome_.submitted - outcome_.counts.verdicts;
}

// A join() that never comes back is what this command is to find: it is not waited for on this thread.
bool ChaosRun::join_pool() {
  const auto is_done = std::make_shared<std::atomic<bool>>(false);
  std::thread joiner([&pool = pool_, is_done] {
    pool.join();
    is_done->store(true);
  });
  const auto end = steady_clock::now() + kPatience;
  while (!is_done->load() && steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(1));
  if (!is_done->load()) {
    joiner.detach();
    return false;
  }
  joiner.join();
  return true;
}

}  // namespace bulkhead::cli
