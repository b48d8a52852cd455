#include "pool/scheduler.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "pool/payload.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

using detail::CompletionRef;
using detail::Submission;

Scheduler::Scheduler(std::uint32_t workers, std::size_t ring_bytes, SchedulerHost& host,
                     std::shared_ptr<const void> catalogue, const SchedulerLimits& limits)
    : catalogue_(std::move(catalogue)),
      host_(&host),
      limits_(limits),
      largest_in_ring_(largest_in_ring(ring_bytes)),
      bells_(ipc::PoolBells::create()) {
  for (std::uint32_t slot = 0; slot < workers; ++slot) links_.emplace_back(slot);
  in_use_.reserve(workers);
  watched_.reserve(workers);
  closed_text_.reserve(kOutOfMemory.size());
  has_leavers_ = limits.max_tasks_per_child != std::numeric_limits<std::uint64_t>::max();
  bells_.set(ipc::ParkMode::kPumpLazy);
}

void Scheduler::disown() noexcept {
  bool is_empty = false;
  {
    const Lock lock(mutex_);
    is_empty = table_.close();
  }
  if (is_empty) release();
  release();
}

void Scheduler::release() noexcept {
  // acq_rel: the last one out must see what all others did.
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Scheduler::refuse_forked_copy() const {
  if (!is_forked_copy()) return;
  detail::raise<UsageError, std::logic_error>(
      "this pool belongs to the process that made it, not to a child after fork() (make an engine in the child)");
}

// A map that had begun before goes on, but not beyond drain()'s limit.
void Scheduler::refuse_if_closed(const Submission& submission) const {
  if (submission.part_of == nullptr || has_given_up_ || !admits_parts_) refuse_if_closed();
}

void Scheduler::refuse_if_closed() const {
  if (!is_closed_) return;
  if (closed_code_ == ErrorCode::kPoolBroken) detail::raise<PoolBroken>(closed_text_);
  detail::raise<PoolClosed>(closed_text_);
}

// Somebody must be told though nobody waits: workers ring the pump at every result. At most one ring too many, should
// the submission fail after all.
void Scheduler::expect_callback() noexcept {
  if (callbacks_open_++ == 0 && !is_leader_parked_) bells_.set(resting_mode());
}

bool Scheduler::is_closed() const {
  const Lock lock(mutex_);
  return is_closed_;
}

bool Scheduler::is_finished() const {
  const Lock lock(mutex_);
  return has_all_work_done();
}

TaskCounters& Scheduler::counters_of(const detail::TaskInfo& task) {
  if (task.index >= counters_.size()) counters_.resize(task.index + 1);
  auto& counters = counters_[task.index];
  if (!counters) {
    counters = std::make_unique<TaskCounters>();
    counters->task = &task;
  }
  return *counters;
}

// One in so many calls is timed, and all of those that run long: for them a look at the clock is nothing.
constexpr std::uint64_t kTimedShare = 16;
constexpr std::chrono::nanoseconds kLong = std::chrono::microseconds(20);

Call* Scheduler::new_call(const Submission& submission) {
  TaskCounters& counters = counters_of(*submission.task);
  std::unique_ptr<CallExtras> extras;
  if (submission.terms != nullptr) {
    extras = std::make_unique<CallExtras>();
    extras->terms = *submission.terms;
    if (extras->terms.retries > 0 && submission.bytes.size() <= largest_in_ring_) {
      extras->arguments.assign(submission.bytes);
    }
  }
  auto arrays = submission.arrays ? SharedArrays::distinct(*submission.arrays) : nullptr;
  Call* call = table_.take();
  // relaxed: nobody else knows the call yet. The reference is the caller's; enqueue() adds the pool's.
  call->refs.store(1, std::memory_order_relaxed);
  call->scheduler = this;
  call->task = submission.task;
  call->id = next_call_id_++;
  call->codec = static_cast<std::uint8_t>(submission.codec);
  call->count = submission.count;
  call->stride = submission.stride;
  call->first_index = submission.first_index;
  call->arrays = std::move(arrays);
  if (extras || call->id % kTimedShare == 0 || links_[last_worker_].mean() > kLong) call->submitted = Clock::now();
  if (extras) {
    extras->submitted = call->submitted;
    call->priority = extras->terms.priority;
    if (extras->terms.on_progress) expect_callback();
    call->extras = std::move(extras);
  }
  counters.submitted += call->count;
  counters.argument_bytes += submission.bytes.size();
  return call;
}

namespace {

void refuse_too_large(const Submission& submission) {
  if (submission.bytes.size() <= protocol::kMaxPayloadBytes) return;
  detail::raise<PayloadError>("the arguments of task \"" + submission.task->name + "\" take " +
                              std::to_string(submission.bytes.size()) + " bytes; at most " +
                              std::to_string(protocol::kMaxPayloadBytes) +
                              " travel in one call (pass a SharedArray or a path, or cut them up)");
}

}  // namespace

std::unique_ptr<LentBlock> Scheduler::lend(std::size_t needed, std::size_t wanted) {
  refuse_forked_copy();
  if (needed > protocol::kMaxPayloadBytes) return nullptr;
  const std::size_t bytes = std::max<std::size_t>(needed, std::min<std::size_t>(wanted, protocol::kMaxPayloadBytes));
  auto block = idle_arguments_->take(bytes);
  if (!block) {
    // relaxed: a number of its own
    const std::uint32_t id = next_block_id_.fetch_add(1, std::memory_order_relaxed);
    block = std::make_shared<const ipc::SharedBlock>(ipc::SharedBlock::create(bytes, ipc::Writer::kHost, id));
  }
  return std::make_unique<LentBlock>(idle_arguments_, std::move(block));
}

Scheduler::LargeSubmission::LargeSubmission(Scheduler& scheduler, const Submission& submission) {
  const auto bytes = submission.bytes;
  if (bytes.size() <= scheduler.largest_in_ring_) return;
  block_ = static_cast<LentBlock*>(submission.lent);
  if (block_ == nullptr) {
    copy_ = scheduler.lend(bytes.size(), 0);
    block_ = copy_.get();
    std::memcpy(block_->bytes().data(), bytes.data(), bytes.size());
  }
  large_ = std::make_unique<LargeBytes>(LargeBytes{block_->block(), bytes.size()});
}

bool Scheduler::is_full_for(const Submission& submission) const noexcept {
  // One that is too large for the limit alone goes when nothing else waits.
  return queued_items_ > 0 && (queued_items_ + submission.count > limits_.max_pending ||
                               queued_bytes_ + submission.bytes.size() > limits_.max_pending_bytes);
}

// Waits, or throws QueueFull, as the pool's options say.
void Scheduler::make_room_for(Lock& lock, const Submission& submission) {
  if (!is_full_for(submission)) return;
  drain();
  refuse_if_closed(submission);
  const auto refuse = [&](const std::string& how) {
    const bool is_bytes = queued_items_ + submission.count <= limits_.max_pending;
    detail::raise<QueueFull>("task \"" + submission.task->name +
                             "\" was not submitted: " + std::to_string(queued_items_) + " tasks with " +
                             std::to_string(queued_bytes_) + " bytes of arguments wait for a worker" + how + ", and " +
                             (is_bytes ? "max_pending_bytes is " + std::to_string(limits_.max_pending_bytes)
                                       : "max_pending is " + std::to_string(limits_.max_pending)) +
                             " (submit more slowly, or raise it)");
  };
  if (is_full_for(submission) && limits_.when_full == WhenFull::kFail) refuse("");
  if (!is_full_for(submission)) return;
  const auto until = support::Deadline::after(limits_.submit_timeout);
  // Nobody may be waiting for a result: the pump thread makes the room, and is to be rung for it. What workers published
  // before that they need not have rung for: look again.
  expect_callback();
  struct Settled {
    Scheduler& scheduler;
    ~Settled() { scheduler.settle_callback(); }
  } const settled{*this};
  drain();
  while (is_full_for(submission)) {
    refuse_if_closed(submission);
    bool is_late = false;
    if (until.is_never()) {
      room_.wait(lock);
    } else {
      is_late = room_.wait_until(lock, until.when()) == std::cv_status::timeout;
    }
    if (is_late && is_full_for(submission)) {
      refuse_if_closed(submission);
      refuse(", still after submit_timeout");
    }
  }
  refuse_if_closed(submission);
}

// Into the host's queue: at its end, or (not new) before everything of its priority.
void Scheduler::queue(Call& call, bool is_new) {
  TaskCounters& counters = *counters_[call.task->index];
  const bool is_held = call.task->policy.max_running != 0 && counters.offered >= call.task->policy.max_running;
  PendingQueue& queue = is_held ? counters.held : pending_;
  call.state = is_held ? Call::State::kHeld : Call::State::kPending;
  if (is_new) {
    queue.push_back(&call);
  } else {
    queue.push_front(&call);
  }
  queued_items_ += call.count - call.finished;
  queued_bytes_ += call.held_bytes();
  if (!bars_.empty() && bar_of(*call.task) != nullptr) has_barred_in_queue_ = true;
}

void Scheduler::unqueue(Call& call) noexcept {
  switch (call.state) {
    case Call::State::kPending:
      pending_.remove(&call);
      break;
    case Call::State::kHeld:
      counters_[call.task->index]->held.remove(&call);
      break;
    default:
      break;  // delayed: in timers_ only
  }
  const bool was_full = queued_items_ >= limits_.max_pending || queued_bytes_ >= limits_.max_pending_bytes;
  queued_items_ -= call.count - call.finished;
  queued_bytes_ -= call.held_bytes();
  if (was_full || queued_items_ == 0) room_.notify_all();
}

// It was not submitted after all.
void Scheduler::forget(const Call& call, const Submission& submission) noexcept {
  TaskCounters& counters = *counters_[call.task->index];
  counters.submitted -= call.count;
  counters.argument_bytes -= submission.bytes.size();
  if (call.callback) settle_callback();
  if (call.extras && call.extras->terms.on_progress) settle_callback();
  ring_workers();  // a control record may have been staged before it
}

// Not at every call: a look takes lines from workers that write to them, and finds little while they have much to do.
bool Scheduler::is_time_to_look() noexcept { return ++queued_since_look_ > look_after_; }

// Puts the call where it can run: straight into a ring when nothing is waiting, else into the queue. Throws
// std::bad_alloc; then it is in neither.
void Scheduler::enqueue(Call& call, const Submission& submission) {
  if (call.extras) timers_.make_room();
  WorkerLink* link = pending_.is_empty() ? best_worker({}) : nullptr;
  // Not behind what is less urgent, and not beyond what may run at once.
  const bool may_go =
      link != nullptr && !link->has_lower_than(call.priority) &&
      (call.task->policy.max_running == 0 || counters_[call.task->index]->offered < call.task->policy.max_running);
  const bool is_offered = may_go && try_offer(*link, call, submission.bytes, {});
  if (!is_offered && !call.large) call.bytes.assign(submission.bytes);
  if (call.extras) keep_time(call);
  // The pool's, until the verdict. relaxed: nobody else knows the call yet.
  call.refs.store(call.refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  ++open_calls_;
  if (has_given_up_) return finish_without_memory(call);  // the look at a worker's replies broke the pool
  if (!is_offered) queue(call, true);
  do_or_break([&] {
    if (is_offered) {
      // It may take longer than those before it: then somebody else is to have what waits behind it.
      if (link->in_flight() > 1 && (resting_ > 0 || has_idle_worker())) request_recheck();
    } else {
      // Rings full: whoever submits helps to empty them. More urgent than what lies there: that has to wait.
      if (!is_time_to_look() || !drain()) make_way();
      if (!pending_.is_empty()) look_again_for_idle();
      if (resting_ > 0) host_->wake_resting();
    }
    ring_workers();
    arm_timer();
  });
}

CompletionRef Scheduler::submit(const Submission& submission, detail::VerdictCallback callback) {
  refuse_forked_copy();
  refuse_too_large(submission);
  LargeSubmission large(*this, submission);
  std::unique_ptr<ToldVerdict> told;
  if (callback) told = std::make_unique<ToldVerdict>(std::move(callback));
  Lock lock(mutex_);
  refuse_if_closed(submission);
  make_room_for(lock, submission);
  if (!bars_.empty()) refuse_if_barred(*submission.task);
  if (submission.terms != nullptr && submission.terms->on_progress) host_->prepare_callbacks();
  if (told) host_->prepare_callbacks();
  Call* call = new_call(submission);
  CompletionRef ref(call);
  call->large = large.take();
  if (told) {
    call->callback = std::move(told);
    expect_callback();
  }
  try {
    enqueue(*call, submission);
  } catch (...) {
    forget(*call, submission);
    throw;
  }
  large.keep();
  return ref;
}

CompletionRef Scheduler::begin_map(const detail::TaskInfo& task, detail::VerdictCallback callback) {
  refuse_forked_copy();
  auto map = std::make_unique<Map>();
  map->task = &task;
  map->scheduler = this;
  if (callback) map->callback = std::make_unique<ToldVerdict>(std::move(callback));
  const Lock lock(mutex_);
  refuse_if_closed();
  if (map->callback) {
    host_->prepare_callbacks();
    expect_callback();
  }
  retain();
  ++open_maps_;
  // relaxed: nobody else knows the map yet. One reference is the pool's, until the verdict; one is the caller's.
  map->refs.store(2, std::memory_order_relaxed);
  return CompletionRef(map.release());
}

void Scheduler::add_chunk(Map& map, const Submission& submission) {
  refuse_too_large(submission);
  LargeSubmission large(*this, submission);
  Lock lock(mutex_);
  refuse_if_closed();
  make_room_for(lock, submission);
  if (!bars_.empty()) refuse_if_barred(*submission.task);
  if (submission.terms != nullptr && submission.terms->on_progress) host_->prepare_callbacks();
  if (map.chunks.size() == map.chunks.capacity()) map.chunks.reserve(std::max<std::size_t>(16, 2 * map.chunks.size()));
  Call* call = new_call(submission);
  call->large = large.take();
  call->map = &map;
  map.chunks.push_back(call);  // takes the caller's reference
  map.items += submission.count;
  ++map.open_chunks;
  try {
    enqueue(*call, submission);
  } catch (...) {
    forget(*call, submission);
    map.chunks.pop_back();
    map.items -= submission.count;
    --map.open_chunks;
    detail::release(*call);
    throw;
  }
  large.keep();
}

void Scheduler::recheck() {
  const Lock lock(mutex_);
  is_recheck_scheduled_ = false;
  if (host_ == nullptr) return;
  drain();
  dispatch(Clock::now());
}

void Scheduler::worker_ready(std::uint32_t slot, ipc::HostChannel& channel, std::uint64_t generation,
                             std::int64_t pid) {
  const Lock lock(mutex_);
  std::uint64_t quota = limits_.max_tasks_per_child;
  if (limits_.max_tasks_jitter > 0) {
    quota += std::uniform_int_distribution<std::uint64_t>(0, limits_.max_tasks_jitter)(random_);
  }
  WorkerLink& link = links_[slot];
  const bool was_ready = link.is_ready();
  link.attach(channel, generation, pid, quota);
  if (!was_ready) ++ready_;
  dispatch(Clock::now());
}

void Scheduler::pump_rang() {
  const Lock lock(mutex_);
  if (host_ == nullptr) return;
  // A new epoch first: a worker rings once for each. A parked leader's announcement must stand.
  if (!is_leader_parked_) bells_.set(resting_mode());
  drain_all();
}

void Scheduler::close() {
  refuse_forked_copy();
  const Lock lock(mutex_);
  if (is_closed_) return;
  is_closed_ = true;
  room_.notify_all();
  closed_code_ = ErrorCode::kPoolClosed;
  closed_text_ = "the pool is closed (make another one)";
  drain();
  dispatch(Clock::now());
}

void Scheduler::detach() {
  Lock lock(mutex_);
  for (WorkerLink& link : links_) {
    if (link.is_ready()) let_go(link);
  }
  host_ = nullptr;
  arrays_->close();
  wait_for_spinner(lock);
}

}  // namespace bulkhead::pool
