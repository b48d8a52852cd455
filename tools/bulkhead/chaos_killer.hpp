// Kills and stops the pool's processes at random moments, and measures how long the pool takes to be whole again.
//
// Ownership: borrows the pool; owns its thread. finish() or the destructor lets what it stopped go on.
// Threads:   one at a time, but attacks(), which any may call.
#pragma once

#include <bulkhead/pool.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "chaos_account.hpp"
#include "own_processes.hpp"

namespace bulkhead::cli {

struct ChaosKillerOptions {
  double attacks_per_second = 0;
  bool stops = false;      // half of the attacks, by chance
  bool on_warden = false;  // as likely a target as each worker
  std::uint32_t seed = 0;
};

struct ChaosAttacks {
  std::uint64_t worker_kills = 0;
  std::uint64_t worker_stops = 0;
  std::uint64_t warden_kills = 0;
  std::uint64_t warden_stops = 0;
  Durations to_full_strength;     // from a worker's kill until all workers were ready again
  std::uint64_t unrecovered = 0;  // workers that were killed and not replaced
};

class ChaosKiller {
 public:
  ChaosKiller(Pool& pool, std::shared_ptr<ChaosAccount> account, const ChaosKillerOptions& options);
  ~ChaosKiller() { (void)finish(std::chrono::seconds(0)); }
  ChaosKiller(const ChaosKiller&) = delete;
  ChaosKiller& operator=(const ChaosKiller&) = delete;

  [[nodiscard]] std::uint64_t attacks() const noexcept { return attacks_.load(); }
  // Ends the attacks, and waits, at most `patience`, until the pool is at full strength.
  ChaosAttacks finish(std::chrono::seconds patience);

 private:
  using Clock = std::chrono::steady_clock;

  struct Stopped {
    ProcessHandle process;
    pid_t pid;
    Clock::time_point until;
  };
  struct Killed {
    int slot;
    std::uint64_t processes;  // that the slot had had
    Clock::time_point at;
  };

  void run();
  // False when there was nobody to attack.
  bool attack();
  bool attack_worker(bool stops);
  bool attack_warden(bool stops);
  void stop(ProcessHandle process, pid_t pid);
  void resume(Clock::time_point now);
  // Another process has been ready in its slot.
  [[nodiscard]] static bool is_replaced(const PoolStats& stats, const Killed& killed);
  void look_at_strength(Clock::time_point now);
  [[nodiscard]] bool is_stopped(std::int64_t pid) const;
  [[nodiscard]] Clock::duration gap();
  [[nodiscard]] Clock::time_point next_step(Clock::time_point next_attack) const;

  Pool& pool_;
  const std::shared_ptr<ChaosAccount> account_;
  const ChaosKillerOptions options_;
  std::atomic<std::uint64_t> attacks_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Clock::time_point> end_;  // under mutex_: finish() was called, and this is as long as it waits
  // The killer's thread only, until it is joined.
  std::mt19937 random_;
  std::vector<Stopped> stopped_;
  std::vector<Killed> weak_;  // not yet at full strength since
  ChaosAttacks done_;
  std::thread thread_;
};

}  // namespace bulkhead::cli
