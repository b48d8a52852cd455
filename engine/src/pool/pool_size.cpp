// How many workers a pool has: resize(), rest for want of work, replacement for too much memory.

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "bulkhead/error.hpp"
#include "pool/local_backend.hpp"

namespace bulkhead::pool {

namespace {

constexpr std::chrono::nanoseconds kMemoryInterval = std::chrono::milliseconds(100);

// "RssAnon:  1234 kB" of /proc/PID/status; 0: the process is gone.
std::uint64_t anonymous_bytes(std::int64_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word) {
    if (word != "RssAnon:") continue;
    std::uint64_t kibibytes = 0;
    status >> kibibytes;
    return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

void LocalBackend::resize(int processes) {
  scheduler_->refuse_forked_copy();
  if (processes < 1 || processes > kMostWorkers) {
    detail::raise<UsageError, std::invalid_argument>("a pool needs 1 to " + std::to_string(kMostWorkers) +
                                                     " processes (resize() got " + std::to_string(processes) + ")");
  }
  if (scheduler_->is_closed()) detail::raise<PoolClosed>("the pool is closed: it cannot be resized (make another one)");
  services_.loop->run_sync([this, processes] { resize_on_loop(static_cast<std::uint32_t>(processes)); });
}

// Slots that are retired come back before new ones are made; those without a process go first.
void LocalBackend::resize_on_loop(std::uint32_t workers) {
  std::uint32_t wanted = 0;
  for (const Slot& slot : slots_) wanted += slot.is_retired ? 0 : 1;
  for (std::uint32_t slot = 0; slot < slots_.size() && wanted < workers; ++slot) {
    // One that is still busy with its last task stays retired.
    if (!slots_[slot].is_retired || slots_[slot].generation != 0) continue;
    slots_[slot].is_retired = slots_[slot].is_resting = false;
    start_worker(slot);
    ++wanted;
  }
  while (wanted < workers) {
    start_worker(scheduler_->add_slot([this] { slots_.emplace_back(); }));
    ++wanted;
  }
  const auto retire = [&](std::uint32_t slot) {
    Slot& place = slots_[slot];
    place.is_retired = true;
    --wanted;
    if (place.process && place.process->is_ready()) return scheduler_->retire(slot);
    if (place.process) return place.process->kill(SIGKILL);  // it has no work yet
    if (place.generation == 0) return;                       // it rests
    place.restart.reset();
    place.generation = 0;
    slot_is_empty();
  };
  for (const bool only_idle : {true, false}) {
    for (auto slot = static_cast<std::uint32_t>(slots_.size()); slot-- > 0 && wanted > workers;) {
      if (slots_[slot].is_retired || (only_idle && scheduler_->is_busy(slot))) continue;
      retire(slot);
    }
  }
  count_resting();
  target_.store(workers, std::memory_order_relaxed);  // relaxed: see worker_count()
}

void LocalBackend::sample_memory() {
  for (const Slot& slot : slots_) {
    if (!slot.process || !slot.process->is_ready()) continue;
    const std::uint64_t bytes = anonymous_bytes(slot.process->pid());
    if (bytes > 0) scheduler_->note_memory(slot.process->slot(), slot.process->generation(), bytes);
  }
  if (is_ending_) return;
  memory_timer_ = services_.loop->at(support::Deadline::after(kMemoryInterval), [this] { sample_memory(); });
}

void LocalBackend::rest_idle() {
  const auto since = std::chrono::steady_clock::now() - settings_.idle_timeout;
  for (const std::uint32_t slot : scheduler_->retire_idle(since, settings_.min_workers)) slots_[slot].is_resting = true;
  if (is_ending_) return;
  rest_timer_ = services_.loop->at(support::Deadline::after(settings_.idle_timeout / 4), [this] { rest_idle(); });
}

void LocalBackend::count_resting() {
  const auto resting = std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) {
    return slot.is_resting && !slot.is_retired && slot.generation == 0;
  });
  scheduler_->set_resting(static_cast<std::uint32_t>(resting));
}

void LocalBackend::wake_resting() {
  services_.loop->post([this] { wake_resting_on_loop(); });
}

void LocalBackend::wake_resting_on_loop() {
  if (is_ending_) return;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    Slot& place = slots_[slot];
    if (!place.is_resting || place.is_retired || place.generation != 0) continue;
    place.is_resting = false;
    try_start_worker(slot);
    break;  // one at a time: the next when there still is work
  }
  count_resting();
}

}  // namespace bulkhead::pool
