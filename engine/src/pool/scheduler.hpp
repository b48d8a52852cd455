// Which worker runs what, and what became of it: the task table, the queue, and everything that changes them.
//
// One mutex guards all of it; nothing under it blocks, calls users' code or serialises. The threads that come here are
// the embedder's (submit, wait, cancel) and the pump thread (worker life, the pump's bell).
//
// Waiting: whoever waits, pumps; one at a time. The first waiter becomes the leader: it looks at all response rings,
// spins a bounded while, then sleeps on the leader's bell. The others sleep on their own condition variable and are
// woken when their result is there, or to lead. When nobody waits the pump thread is rung instead, lazily: workers ring
// it when a response ring is half full or before they sleep.
//
// Ownership: counted; the backend and every live completion hold a reference, so results outlive their pool.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "ipc/pool_bells.hpp"
#include "pool/call_table.hpp"
#include "pool/pending_queue.hpp"
#include "pool/waiting.hpp"
#include "pool/worker_link.hpp"
#include "protocol/record.hpp"
#include "support/fork_epoch.hpp"

namespace bulkhead::pool {

// What the scheduler asks of those who own processes and threads. Called under the scheduler's lock: they must not
// block and not call back.
class SchedulerHost {
 public:
  virtual ~SchedulerHost() = default;
  // Kill this worker: it broke the protocol. Its end is reported as usual.
  virtual void condemn(std::uint32_t slot, const std::string& why) = 0;
  // Send it this block, which it may write to or only read. False: it cannot be sent now (its process is ending).
  virtual bool send_block(std::uint32_t slot, const ipc::SharedBlock& block, bool writable) = 0;
  // There is no memory for the block it asked for: its item fails, nothing else.
  virtual void refuse_block(std::uint32_t slot) = 0;
  // Make a block for a result of so many bytes and hand it to give_result_block(), soon, without the lock.
  virtual void make_result_block(std::uint32_t slot, std::uint64_t generation, std::uint64_t bytes) = 0;
  // Run this on the callback thread, which prepare_callbacks() has started.
  virtual void run_callback(std::function<void()> callback) = 0;
  // Before the first callback is accepted. Throws ResourceError.
  virtual void prepare_callbacks() = 0;
  // Call recheck() in about a millisecond.
  virtual void schedule_recheck() = 0;
  // Closed, and no task is left: workers were told to leave.
  virtual void all_work_done() = 0;
};

class Scheduler {
 public:
  using Clock = std::chrono::steady_clock;

  // `host` must outlive detach(). `catalogue` keeps the TaskInfos that calls refer to.
  // `ring_bytes`: capacity of each worker's request ring.
  Scheduler(std::uint32_t workers, std::size_t ring_bytes, SchedulerHost& host, std::shared_ptr<const void> catalogue);

  // Counted by the backend and by completions.
  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one
  void release() noexcept;

  // -- embedder's threads --

  [[nodiscard]] detail::CompletionRef submit(const detail::Submission& submission, detail::VerdictCallback callback);
  [[nodiscard]] detail::CompletionRef begin_map(const detail::TaskInfo& task, detail::VerdictCallback callback);
  void add_chunk(Map& map, const detail::Submission& submission);
  void seal_map(Map& map);
  void abandon_map(Map& map) noexcept;
  [[nodiscard]] bool wait_until(detail::Completion& completion, Clock::time_point until);
  [[nodiscard]] CancelOutcome cancel(detail::Completion& completion);
  void when_done(detail::Completion& completion, std::function<void()> then);
  void free_completion(detail::Completion& completion) noexcept;

  // This is a child of the process that made the pool: nothing of it can be used. The embedder's members below and above
  // throw UsageError there, but for those that must not throw, which do nothing.
  [[nodiscard]] bool is_forked_copy() const noexcept { return support::fork_epoch() != fork_epoch_; }
  void refuse_forked_copy() const;

  // No more submissions; workers are told to leave once nothing is left.
  void close();
  // No more submissions; every open task gets `code`'s verdict with this text.
  void fail_all(ErrorCode code, const std::string& text);
  [[nodiscard]] bool is_closed() const;
  // Closed, and every task has its verdict: a worker that ends now is not replaced.
  [[nodiscard]] bool is_finished() const;

  // -- the pump thread --

  void worker_ready(std::uint32_t slot, ipc::HostChannel& channel, std::uint64_t generation, std::int64_t pid);
  // Its process ended: `lost` without the task, and the same as a clause. Afterwards nobody looks at its channel.
  void worker_ended(std::uint32_t slot, const WorkerLost::Info& lost, const std::string& how);
  void pump_rang();
  void recheck();
  void give_result_block(std::uint32_t slot, std::uint64_t generation, std::shared_ptr<const ipc::SharedBlock> block);
  void refuse_result_block(std::uint32_t slot, std::uint64_t generation);
  // Every channel and the host go away. Needs fail_all() first.
  void detach();

  [[nodiscard]] ipc::PoolBells& bells() noexcept { return bells_; }
  [[nodiscard]] std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(links_.size()); }

 private:
  using Lock = std::unique_lock<std::mutex>;

  ~Scheduler() = default;

  // scheduler.cpp: submitting and dispatching. The lock is held.
  void refuse_if_closed() const;
  void expect_callback() noexcept;
  void settle_callback() noexcept;
  Call* new_call(const detail::Submission& submission);
  void enqueue(Call& call, const detail::Submission& submission);
  void dispatch(Clock::time_point now);
  [[nodiscard]] WorkerLink* best_worker() noexcept;
  [[nodiscard]] bool try_offer(WorkerLink& link, Call& call, std::span<const std::byte> bytes, Clock::time_point now);
  [[nodiscard]] bool try_offer_control(WorkerLink& link, const protocol::CallHeader& header);
  void flush_dropped_blocks(WorkerLink& link);
  void ring_workers() noexcept;
  void rebalance(Clock::time_point now);
  void take_back(WorkerLink& link, std::uint64_t sequence);
  [[nodiscard]] std::uint32_t slot_of(const WorkerLink& link) const noexcept {
    return static_cast<std::uint32_t>(&link - links_.data());
  }

  // replies.cpp: what workers say. The lock is held.
  bool drain();
  void drain_worker(WorkerLink& link, Clock::time_point now);
  // False: the worker broke the protocol; `why` says how.
  [[nodiscard]] bool handle_reply(WorkerLink& link, std::span<const std::byte> frame, const char*& why);
  [[nodiscard]] bool handle_item(WorkerLink& link, Call& call, const protocol::Record<protocol::ReplyHeader>& reply,
                                 const char*& why);

  // verdicts.cpp: from outcome to verdict. The lock is held.
  void record_result(Call& call, std::span<const std::byte> bytes);
  void record_large_result(Call& call, LargeBytes large);
  void record_failure(Call& call, Failure failure);
  void finish(Call& call);
  void complete(detail::Completion& completion);
  // What was to run once there is a verdict, and has no callback thread any more.
  using Continuations = std::vector<std::function<void()>>;
  Continuations publish_verdict(detail::Completion& completion);
  void check_map(Map& map);
  void fail_rest(Call& call, ErrorCode code, const std::string& text);
  [[nodiscard]] CancelOutcome cancel_call(Call& call, const std::string& text);

  // waiting.cpp
  void lead(Lock& lock, Waiter& self, Clock::time_point until);
  [[nodiscard]] bool spin(const Waiter& self, std::uint32_t pauses) const noexcept;
  void wake(Waiter& waiter) noexcept;
  void hand_over() noexcept;
  void wait_for_spinner(Lock& lock);
  [[nodiscard]] ipc::ParkMode resting_mode() const noexcept {
    return callbacks_open_ > 0 ? ipc::ParkMode::kPumpEager : ipc::ParkMode::kPumpLazy;
  }

  std::atomic<std::uint32_t> refs_{1};
  const std::shared_ptr<const void> catalogue_;
  const std::uint32_t fork_epoch_ = support::fork_epoch();

  mutable std::mutex mutex_;
  // Guarded by mutex_, unless said otherwise.
  SchedulerHost* host_;  // nullptr once detached
  CallTable table_;      // give_back(): any thread
  PendingQueue pending_;
  std::vector<WorkerLink> links_;  // by slot; never resized
  std::uint64_t next_call_id_ = 1;
  std::uint64_t open_calls_ = 0;      // without a verdict
  std::uint32_t callbacks_open_ = 0;  // completions somebody must be told of though nobody waits
  bool is_closed_ = false;
  bool has_given_up_ = false;  // by fail_all()
  ErrorCode closed_code_ = ErrorCode::kPoolClosed;
  std::string closed_text_;
  bool has_told_workers_to_leave_ = false;
  // Payloads up to this travel in the ring: a quarter of it always fits, less the header.
  std::size_t largest_in_ring_;
  std::uint32_t last_worker_ = 0;  // the one most recently offered something: it is hot
  bool is_recheck_scheduled_ = false;
  std::atomic<std::uint32_t> next_block_id_{1};  // any thread

  // Waiting.
  Waiter* waiters_ = nullptr;  // all threads in wait_until()
  Waiter* leader_ = nullptr;
  bool is_leader_parked_ = false;
  bool is_leader_spinning_ = false;
  std::condition_variable leader_stopped_spinning_;
  // Channels the spinning leader looks at without the lock.
  std::vector<const ipc::HostChannel*> watched_;
  // Bumped when a worker gets its first record, so that a spinning leader looks at it too. relaxed: a hint, the leader
  // looks at every channel under the lock before it sleeps.
  std::atomic<std::uint32_t> activations_{0};
  SpinBudget spin_budget_;
  ipc::PoolBells bells_;
};

}  // namespace bulkhead::pool
