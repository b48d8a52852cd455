// Which worker runs what, and what became of it: the task table, the queue, and everything that changes them.
//
// One mutex guards all of it; nothing under it blocks, calls users' code or serialises. The threads that come here are
// the embedder's (submit, wait, cancel) and the pump thread (worker life, the pump's bell).
//
// Waiting: whoever waits, pumps; one at a time. The first waiter becomes the leader: it looks at the response rings of all
// workers in use, spins a bounded while, then sleeps on the leader's bell. The others sleep on their own condition
// variable and are woken when their result is there, or to lead. When nobody waits the pump thread is rung instead,
// lazily: workers ring it when a response ring is half full or before they sleep.
//
// Ownership: counted; its owner and every live completion keep it, so results outlive their pool.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "bulkhead/stats.hpp"
#include "ipc/pool_bells.hpp"
#include "ipc/spin.hpp"
#include "pool/call_table.hpp"
#include "pool/call_timers.hpp"
#include "pool/callback_queue.hpp"
#include "pool/lent_block.hpp"
#include "pool/pending_queue.hpp"
#include "pool/refused_sends.hpp"
#include "pool/shared_arrays.hpp"
#include "pool/task_counters.hpp"
#include "pool/waiting.hpp"
#include "pool/worker_link.hpp"
#include "protocol/control.hpp"
#include "protocol/record.hpp"
#include "support/fork_epoch.hpp"

namespace bulkhead::pool {

// An attempt that cost its worker: what SchedulerHost::keep_dead_letter() gets.
struct LostAttempt {
  const detail::TaskInfo* task = nullptr;
  std::uint8_t codec = 0;
  std::uint32_t attempt = 1;
  std::uint64_t item = 0;
  std::int64_t worker_pid = 0;
  std::string why;
  std::vector<StackFrame> backtrace;
  std::vector<std::byte> arguments;
};

// What the scheduler asks of those who own processes and threads. Called under the scheduler's lock: they must not
// block and not call back.
class SchedulerHost {
 public:
  virtual ~SchedulerHost() = default;
  // Kill this worker: it broke the protocol, or cannot be talked to. Its end is reported as usual.
  virtual void condemn(std::uint32_t slot, const std::string& why) = 0;
  // End this worker for what it runs: SIGTERM, and after a grace SIGKILL. False: it cannot be killed (a thread).
  [[nodiscard]] virtual bool end_worker(std::uint32_t slot) = 0;
  // Send it this block, which it may write to or only read. False: it cannot be sent now (its process is ending).
  virtual bool send_block(std::uint32_t slot, const ipc::SharedBlock& block, bool writable) = 0;
  // Send it this block again, for a result: it has it. False: as above.
  virtual bool grant_known_block(std::uint32_t slot, const ipc::SharedBlock& block) = 0;
  // Send it this shared array, which it does not have in this way. False: as above.
  virtual bool send_shared(std::uint32_t slot, const sdk::SharedRef& array) = 0;
  // Call drop_gone_arrays() soon, without the lock. Any thread, with or without the lock.
  virtual void arrays_gone() = 0;
  // There is no memory for the block it asked for: its item fails, nothing else.
  virtual void refuse_block(std::uint32_t slot) = 0;
  // Make a block for a result of so many bytes and hand it to give_result_block(), soon, without the lock. False: there
  // is no memory even for that.
  [[nodiscard]] virtual bool make_result_block(std::uint32_t slot, std::uint64_t generation, std::uint64_t bytes) = 0;
  // Run this on the callback thread, which prepare_callbacks() has started.
  virtual void run_callback(std::unique_ptr<Callback> callback) noexcept = 0;
  // Before the first callback is accepted. Throws ResourceError.
  virtual void prepare_callbacks() = 0;
  // Where run_callback() puts them, for threads that must run them while they wait; nullptr: none must.
  [[nodiscard]] virtual std::shared_ptr<CallbackQueue> callback_queue() { return nullptr; }
  // Call recheck() in about a millisecond.
  virtual void schedule_recheck() = 0;
  // Call timers_due() then; replaces what was said before.
  virtual void arm_timer(std::chrono::steady_clock::time_point when) = 0;
  // There is work for workers that left because they had none.
  virtual void wake_resting() = 0;
  // Write this down, soon, without the lock. Only with keeps_dead_letters.
  virtual void keep_dead_letter(LostAttempt) {}
  // The file of the plugin that has this task.
  [[nodiscard]] virtual std::string plugin_file(const detail::TaskInfo&) const { return {}; }
  // Log this, soon, without the lock.
  virtual void log_error(std::string) {}
  // Closed, and no task is left: workers were told to leave.
  virtual void all_work_done() = 0;
  // An allocation failed, and no task is left: each has its verdict. Call out_of_memory(), and end the workers.
  virtual void memory_ran_out() noexcept = 0;
};

// Numbers of tasks in the catalogue: of one plugin's.
struct TaskRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// What a pool allows itself.
struct SchedulerLimits {
  std::uint64_t max_pending = std::numeric_limits<std::uint64_t>::max();  // items
  std::uint64_t max_pending_bytes = std::numeric_limits<std::uint64_t>::max();
  WhenFull when_full = WhenFull::kBlock;
  std::chrono::nanoseconds submit_timeout = std::chrono::nanoseconds::max();
  std::uint64_t max_tasks_per_child = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_tasks_jitter = 0;
  std::uint64_t max_rss = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t quarantine_after = std::numeric_limits<std::uint64_t>::max();  // calls of one task
  bool keeps_dead_letters = false;
  std::chrono::nanoseconds refused_limit = std::chrono::seconds(5);  // see RefusedSends
};

class Scheduler {
 public:
  using Clock = std::chrono::steady_clock;

  // `host` must outlive detach(). `catalogue` keeps the TaskInfos that calls refer to.
  // `ring_bytes`: capacity of each worker's request ring.
  Scheduler(std::uint32_t workers, std::size_t ring_bytes, SchedulerHost& host, std::shared_ptr<const void> catalogue,
            const SchedulerLimits& limits = {});

  // For its owner: nothing more will be submitted. The scheduler stays while there are completions.
  void disown() noexcept;
  // Counted by maps and callbacks, until disown() by its owner, and by the task table while calls are out.
  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }  // relaxed: the caller holds one
  void release() noexcept;

  // -- embedder's threads --

  [[nodiscard]] detail::CompletionRef submit(const detail::Submission& submission, detail::VerdictCallback callback);
  [[nodiscard]] detail::CompletionRef begin_map(const detail::TaskInfo& task, detail::VerdictCallback callback);
  void add_chunk(Map& map, const detail::Submission& submission);
  // Arguments of so many bytes travel in the ring: a quarter of it always fits, less the header.
  [[nodiscard]] static constexpr std::size_t largest_in_ring(std::size_t ring_bytes) noexcept {
    return ring_bytes / 4 - 2 * sizeof(protocol::CallHeader);
  }
  // For Backend::lend(). Without the lock.
  [[nodiscard]] std::unique_ptr<LentBlock> lend(std::size_t needed, std::size_t wanted);
  void seal_map(Map& map);
  void abandon_map(Map& map) noexcept;
  [[nodiscard]] bool wait_until(detail::Completion& completion, Clock::time_point until);
  [[nodiscard]] CancelOutcome cancel(detail::Completion& completion, CancelMode mode, std::optional<TimeLimit> grace);
  // Every task that has no verdict: finish until `until`, then stop, after `soft_grace` kill. Closes the pool.
  [[nodiscard]] DrainReport drain(Clock::time_point until, std::chrono::nanoseconds soft_grace);
  [[nodiscard]] PoolStats stats() const;
  void when_done(detail::Completion& completion, std::function<void()> then);
  // Whether it has its verdict, without waiting.
  [[nodiscard]] bool poll(const detail::Completion& completion);
  // For CompletionQueue: the node's waiter is told when its completion is over (has its verdict, or waits for a callback
  // that this thread must run), at once when it already is. The node stays until then, or until unwatch().
  void watch(WaitNode& node);
  void unwatch(WaitNode& node) noexcept;
  // The next that is over, waiting for it; nullptr: none until then. For a waiter that is not `outside`.
  [[nodiscard]] WaitNode* next_done(Waiter& waiter, Clock::time_point until);
  // Runs one callback that is queued, where this thread runs callbacks.
  void run_callback() {
    if (runs_callbacks()) (void)callbacks_->run_one();
  }
  void free_completion(detail::Completion& completion) noexcept;

  // This is a child of the process that made the pool: nothing of it can be used. The embedder's members below and above
  // throw UsageError there, but for those that must not throw, which do nothing.
  [[nodiscard]] bool is_forked_copy() const noexcept { return support::fork_epoch() != fork_epoch_; }
  void refuse_forked_copy() const;

  // No more submissions; workers are told to leave once nothing is left.
  void close();
  // No more submissions; every open task gets `code`'s verdict with this text.
  void fail_all(ErrorCode code, std::string_view text);
  // The tasks of these numbers get this failure instead of a worker: those that wait now, and whatever comes; what a
  // worker has in its ring it may still do. Until unbar().
  void bar(TaskRange tasks, const std::string& text, const std::string& path);
  // Ends every quarantine too.
  void unbar();
  // Undoes fail_all() for PoolBroken. False: the pool is not broken.
  bool reopen();
  [[nodiscard]] bool is_closed() const;
  // Closed, and every task has its verdict: a worker that ends now is not replaced.
  [[nodiscard]] bool is_finished() const;

  // -- the pump thread --

  void worker_ready(std::uint32_t slot, ipc::HostChannel& channel, std::uint64_t generation, std::int64_t pid);
  enum class Ending : std::uint8_t {
    kUnexpected,
    kToldTo,   // it had been told to leave
    kDoomed,   // it was killed for what it ran
    kUseless,  // it was given work and had begun none; nobody has finished any since the last that was
    kUnasked,  // it had no work
  };
  // Its process ended: `lost` without the task, and the same as a clause. Afterwards nobody looks at its channel.
  Ending worker_ended(std::uint32_t slot, const WorkerLost::Info& lost, const std::string& how);
  void timers_due();
  // What its process has allocated.
  void note_memory(std::uint32_t slot, std::uint64_t generation, std::uint64_t anonymous_bytes);

  // Room for one more worker; `also` is run with the lock. Its number.
  [[nodiscard]] std::uint32_t add_slot(const std::function<void()>& also);
  // This worker gets nothing more: what it has not begun runs elsewhere, then it goes.
  void retire(std::uint32_t slot);
  [[nodiscard]] bool is_busy(std::uint32_t slot) const;
  // Retires those that have had nothing to do since `since`, but leaves `least` ready ones; the slots of the retired.
  [[nodiscard]] std::vector<std::uint32_t> retire_idle(Clock::time_point since, std::uint64_t least);
  // So many workers left for want of work, and would come back.
  void set_resting(std::uint32_t workers);
  void pump_rang();
  void recheck();
  void give_result_block(std::uint32_t slot, std::uint64_t generation, std::shared_ptr<const ipc::SharedBlock> block);
  void refuse_result_block(std::uint32_t slot, std::uint64_t generation);
  // Somebody could not go on for want of memory: every task without a verdict fails with ResourceError, the pool is
  // broken, and nobody looks at a channel afterwards. Allocates nothing.
  void out_of_memory() noexcept;
  // A result that this worker will send names this memory, as the message says. False: it is not to be taken.
  [[nodiscard]] bool give_array(std::uint32_t slot, std::uint64_t generation, const protocol::SharedMessage& message,
                                std::shared_ptr<sdk::SharedMemory> memory);
  // Shared arrays ended, or calls let go of some: tells the workers.
  void drop_gone_arrays();
  // Every channel and the host go away. Needs fail_all() first.
  void detach();

  [[nodiscard]] ipc::PoolBells& bells() noexcept { return bells_; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  static constexpr std::string_view kOutOfMemory =
      "the pool is broken: the host ran out of memory (free some, then revive() the pool)";

  ~Scheduler() = default;

  // scheduler.cpp: submitting, and the host's queue. The lock is held.
  // The block of arguments that no ring takes: the one they were encoded into, or one that they are copied into. Until
  // keep() it goes back where it came from.
  class LargeSubmission {
   public:
    // Without the lock.
    LargeSubmission(Scheduler& scheduler, const detail::Submission& submission);
    // For the call; nullptr: a ring takes its arguments.
    [[nodiscard]] std::unique_ptr<LargeBytes> take() noexcept { return std::move(large_); }
    // It is the call's.
    void keep() noexcept {
      if (block_ != nullptr) block_->keep();
    }

   private:
    std::unique_ptr<LentBlock> copy_;
    LentBlock* block_ = nullptr;
    std::unique_ptr<LargeBytes> large_;
  };
  void refuse_if_closed() const;
  void refuse_if_closed(const detail::Submission& submission) const;
  // Closed, nothing is left, and nothing comes.
  [[nodiscard]] bool has_all_work_done() const noexcept {
    return is_closed_ && open_calls_ == 0 && (open_maps_ == 0 || has_given_up_ || !admits_parts_);
  }
  void expect_callback() noexcept;
  void settle_callback() noexcept;
  Call* new_call(const detail::Submission& submission);
  void enqueue(Call& call, const detail::Submission& submission);
  void forget(const Call& call, const detail::Submission& submission) noexcept;
  void make_room_for(Lock& lock, const detail::Submission& submission);
  [[nodiscard]] bool is_full_for(const detail::Submission& submission) const noexcept;
  [[nodiscard]] TaskCounters& counters_of(const detail::TaskInfo& task);
  void queue(Call& call, bool is_new);
  void unqueue(Call& call) noexcept;
  [[nodiscard]] bool is_time_to_look() noexcept;

  // dispatching.cpp: which worker gets what. The lock is held.
  void offer_pending(Clock::time_point now);
  void make_way();
  void request_recheck();
  void try_to_send_later(WorkerLink& link);
  void tell_to_leave();
  // Nothing waits, now or for a time, no worker has anything, nobody is told to leave: dispatch() would find nothing to do.
  [[nodiscard]] bool is_at_rest() const noexcept {
    return in_use_.empty() && pending_.is_empty() && timers_.earliest() >= armed_ && !has_blocks_ && !has_leavers_ &&
           !is_closed_;
  }
  void dispatch(Clock::time_point now) noexcept;
  void try_dispatch(Clock::time_point now);
  [[nodiscard]] WorkerLink* best_worker(Clock::time_point now) noexcept;
  [[nodiscard]] WorkerLink* least_busy_in_use() noexcept;
  [[nodiscard]] std::chrono::nanoseconds time_per_call(const WorkerLink& link) const noexcept;
  [[nodiscard]] bool is_crowded(Clock::time_point now) const noexcept;
  [[nodiscard]] bool has_idle_worker() const noexcept { return in_use_.size() < ready_; }
  // Something waits though a worker has nothing to do.
  void look_again_for_idle();
  // Some worker has nothing but control records, whose passing nobody tells.
  [[nodiscard]] bool awaits_controls() noexcept;
  void push_offer(WorkerLink& link, std::uint64_t sequence, Call* call);
  [[nodiscard]] bool try_offer(WorkerLink& link, Call& call, std::span<const std::byte> bytes, Clock::time_point now);
  [[nodiscard]] bool try_offer_control(WorkerLink& link, const protocol::CallHeader& header);
  [[nodiscard]] bool send_arrays(WorkerLink& link, const Call& call);
  void flush_dropped_blocks(WorkerLink& link);
  void flush_dropped_arrays(WorkerLink& link);
  void ring_workers() noexcept;
  void rebalance(Clock::time_point now);
  void wake_for_what_waits(Clock::time_point now);
  void take_back(WorkerLink& link, std::uint64_t sequence);
  void take_back_unclaimed(WorkerLink& link);
  void note_not_offered(const Call& call);
  [[nodiscard]] static std::span<const std::byte> arguments_in_ring(const WorkerLink& link, std::uint64_t sequence);

  // replies.cpp: what workers say. The lock is held.
  [[nodiscard]] bool needs_time() noexcept;
  bool drain() noexcept;
  // Also those that were offered nothing, and have nothing to say.
  void drain_all() noexcept;
  void drain_worker(WorkerLink& link, Clock::time_point now);
  // False: the worker broke the protocol; `why` says how.
  [[nodiscard]] bool handle_reply(WorkerLink& link, std::span<const std::byte> frame, const char*& why);
  [[nodiscard]] bool handle_item(WorkerLink& link, Call& call, const protocol::Record<protocol::ReplyHeader>& reply,
                                 const char*& why);
  [[nodiscard]] bool handle_run(WorkerLink& link, Call& call, const protocol::Record<protocol::ReplyHeader>& reply,
                                const char*& why);
  void settle_front(WorkerLink& link, Call& call);
  void finish_answered(WorkerLink& link, Call& call);
  [[nodiscard]] bool grant_kept_block(WorkerLink& link, std::uint64_t bytes);
  // No worker needs this block of arguments any more.
  void forget_block(std::uint32_t id) noexcept;
  [[nodiscard]] Failure failure_from(const WorkerLink& link, const Call& call,
                                     const protocol::Record<protocol::ReplyHeader>& reply) const;
  void handle_progress(Call& call, const protocol::Record<protocol::ReplyHeader>& reply);

  // deaths.cpp: what workers leave when they have ended. The lock is held.
  void let_go(WorkerLink& link) noexcept;
  void keep_unpublished(WorkerLink& link, Call& call);
  void settle_lost(WorkerLink& link, Call& call, std::uint64_t sequence, const WorkerLost::Info& lost,
                   const std::string& how, Clock::time_point now);
  void keep_letter(const WorkerLink& link, const Call& call, std::uint64_t sequence, const Failure& failure,
                   const WorkerLost::Info& lost);
  // False: it will be tried again.
  bool lose_item(WorkerLink& link, Call& call, std::uint64_t sequence, Failure failure, Clock::time_point now);
  // It was given work, began none of it, and nobody else finished any meanwhile.
  [[nodiscard]] bool is_useless(const WorkerLink& link) noexcept;

  // verdicts.cpp: from outcome to verdict. The lock is held.
  void record_result(Call& call, std::span<const std::byte> bytes, sdk::SharedRefs arrays = {});
  void record_results(Call& call, std::uint32_t items, std::span<const std::byte> bytes);
  void record_large_result(Call& call, LargeBytes large, sdk::SharedRefs arrays);
  void record_failure(Call& call, Failure failure);
  void finish(Call& call);
  void complete(detail::Completion& completion);
  // What was to run once there is a verdict, and has no callback thread any more.
  using Continuations = std::vector<std::unique_ptr<Callback>>;
  Continuations publish_verdict(detail::Completion& completion);
  void check_map(Map& map);
  void note_map_ended() noexcept;
  void finish_without_memory(Call& call) noexcept;
  void break_for_memory() noexcept;
  // Does what may be left half done when an allocation fails: then the pool breaks.
  template <class Do>
  void do_or_break(Do act) noexcept {
    try {
      act();
    } catch (const std::bad_alloc&) {
      break_for_memory();
      if (host_ != nullptr) host_->memory_ran_out();
    }
  }
  // Where there is no memory for an outcome the call has none of its outcomes, and says so.
  template <class Record>
  void record_or_drop(Call& call, std::uint32_t items, Record record) {
    if (!call.is_without_memory) {
      try {
        return record();
      } catch (const std::bad_alloc&) {
        call.is_without_memory = true;
        call.outcomes.reset();
      }
    }
    counters_[call.task->index]->count_failures(ErrorCode::kResource, items);
    call.finished += items;
  }
  void fail_rest(Call& call, const Failure& failure) noexcept;

  // limits.cpp: time limits, cancelling, killing on purpose. The lock is held.
  void keep_time(Call& call);
  void look_at(Call& call, Clock::time_point now);
  void look_at_running(Call& call, Clock::time_point now);
  void arm_timer();
  [[nodiscard]] bool sentence(Call& call, Failure failure);
  void spare_others(WorkerLink& link);
  [[nodiscard]] bool take_from_ring(Call& call);
  void kill_calls(detail::Completion& completion);
  void abandon(Call& call, const Failure& failure);
  enum class TellRunning : bool { kNo, kYes };
  [[nodiscard]] bool cancel_call(Call& call, TellRunning tell_running);
  [[nodiscard]] bool cancel_calls(detail::Completion& completion, TellRunning tell_running);
  [[nodiscard]] std::vector<Call*> open_calls();

  // barring.cpp: plugins and tasks that are not used any more. The lock is held.
  struct Bar {
    TaskRange tasks;
    std::string text;
    std::string path;
    PluginError::Reason reason{};
  };
  [[nodiscard]] const Bar* bar_of(const detail::TaskInfo& task) const noexcept;
  void refuse_if_barred(const detail::TaskInfo& task) const;
  void fail_barred();

  // quarantine.cpp: tasks that cost worker after worker. The lock is held.
  // A call of `task` has lost its worker for good.
  void note_poisoning(const WorkerLink& link, const detail::TaskInfo& task, const WorkerLost::Info& lost,
                      const std::string& how) noexcept;

  // retries.cpp. The lock is held.
  // True: it will be tried again. False: `failure` is final, and knows of the earlier attempts.
  [[nodiscard]] bool try_again(Call& call, Failure& failure, Clock::time_point now);

  // waiting.cpp
  // Until satisfy(self), or `until` has come; says which. The lock is given up meanwhile. Whoever else keeps a list of
  // waiters (for room in the queue, say) takes one out of it before satisfy(), and itself out after a time-out.
  [[nodiscard]] bool wait(Lock& lock, Waiter& self, Clock::time_point until);
  void satisfy(Waiter& waiter) noexcept;
  void lead(Lock& lock, Waiter& self, Clock::time_point until);
  [[nodiscard]] bool spin(const Waiter& self, std::uint32_t pauses) const noexcept;
  [[nodiscard]] bool runs_callbacks() const noexcept;
  [[nodiscard]] bool must_run_callbacks_for(const detail::Completion& completion) const noexcept;
  [[nodiscard]] bool completion_is_over(const WaitNode& node) const noexcept;
  void look();
  static void list(WaitNode& node) noexcept;
  static void unlist(WaitNode& node) noexcept;
  void note_done(WaitNode& node) noexcept;
  enum class WhoWaits : std::uint8_t { kAll, kRunsCallbacks };
  void tell_waiters(detail::Completion& completion, WhoWaits who) noexcept;
  void hand_over() noexcept;
  void wait_for_spinner(Lock& lock);
  // relaxed: see activations_; changed under the lock only.
  void note_activation() noexcept {
    activations_.store(activations_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] ipc::ParkMode resting_mode() const noexcept {
    return callbacks_open_ > 0 ? ipc::ParkMode::kPumpEager : ipc::ParkMode::kPumpLazy;
  }

  std::atomic<std::uint32_t> refs_{2};
  const std::shared_ptr<const void> catalogue_;
  const std::uint32_t fork_epoch_ = support::fork_epoch();

  mutable std::mutex mutex_;
  // Guarded by mutex_, unless said otherwise.
  SchedulerHost* host_;  // nullptr once detached
  const SchedulerLimits limits_;
  CallTable table_;  // give_back(): any thread
  PendingQueue pending_;
  CallTimers timers_;
  Clock::time_point armed_ = Clock::time_point::max();
  std::deque<WorkerLink> links_;  // by slot; only grows
  // Those that were offered something and have not answered all of it: what a call costs must not grow with the number of
  // workers. One that has answered leaves at the next drain().
  std::vector<WorkerLink*> in_use_;
  const std::size_t cpus_ = ipc::usable_cpus();
  std::size_t ready_ = 0;                                // links that are
  bool has_leavers_ = false;                             // some link was told to go, or will be
  bool has_blocks_ = false;                              // some worker was ever sent a block or a shared array
  std::vector<std::unique_ptr<TaskCounters>> counters_;  // by the task's index; of those that were called
  std::uint64_t queued_items_ = 0;                       // in the host: pending, held or delayed
  std::uint64_t queued_bytes_ = 0;
  std::uint32_t resting_ = 0;
  std::minstd_rand random_{std::random_device{}()};
  std::uint64_t next_call_id_ = 1;
  std::uint64_t open_calls_ = 0;       // without a verdict
  std::uint32_t open_maps_ = 0;        // begun, neither sealed nor given up
  bool admits_parts_ = true;           // of those, once it is closed
  std::uint64_t finished_before_ = 0;  // items, when last a worker was useless
  std::uint32_t callbacks_open_ = 0;   // completions somebody must be told of though nobody waits
  std::vector<Bar> bars_;
  bool has_barred_in_queue_ = false;
  bool is_closed_ = false;
  bool has_given_up_ = false;  // by fail_all()
  ErrorCode closed_code_ = ErrorCode::kPoolClosed;
  std::string closed_text_;  // has room for kOutOfMemory
  bool has_told_workers_to_leave_ = false;
  const std::size_t largest_in_ring_;
  std::uint32_t last_worker_ = 0;        // the one most recently offered something: it is hot
  std::uint32_t untimed_ = 0;            // drains that may have done without the time
  std::uint32_t queued_since_look_ = 0;  // calls, since the last drain()
  std::uint32_t look_after_ = 0;         // so many of them: an eighth of what the least busy worker had then
  bool is_recheck_scheduled_ = false;
  bool may_await_controls_ = false;
  RefusedSends refused_sends_{limits_.refused_limit};
  std::atomic<std::uint32_t> next_block_id_{1};  // any thread
  const std::shared_ptr<ipc::BlockCache> idle_arguments_ = std::make_shared<ipc::BlockCache>(kIdleBlockBytes);

  const std::shared_ptr<SharedArrays> arrays_ = std::make_shared<SharedArrays>(*host_);

  // Waiting.
  const std::shared_ptr<CallbackQueue> callbacks_ = host_->callback_queue();
  Waiter* waiters_ = nullptr;  // all threads in wait()
  Waiter* leader_ = nullptr;
  bool is_leader_parked_ = false;
  bool is_leader_bell_rung_ = false;  // as far as the last who slept on it knows
  bool is_leader_spinning_ = false;
  std::condition_variable leader_stopped_spinning_;
  std::uint32_t waiting_for_spinner_ = 0;  // threads
  // Channels the spinning leader looks at without the lock.
  std::vector<const ipc::HostChannel*> watched_;
  std::condition_variable room_;  // somebody may submit again
  std::condition_variable maps_ended_;
  // Bumped when a worker gets its first record, so that a spinning leader looks at it too. relaxed: a hint, the leader
  // looks at every channel in use under the lock before it sleeps.
  std::atomic<std::uint32_t> activations_{0};
  ipc::AdaptiveSpin spin_budget_{ipc::default_spin_budget().host_pauses};
  ipc::PoolBells bells_;
};

}  // namespace bulkhead::pool
