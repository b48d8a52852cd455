#include "pool/scheduler.hpp"

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
      largest_in_ring_(ring_bytes / 4 - 2 * sizeof(protocol::CallHeader)),
      bells_(ipc::PoolBells::create()) {
  for (std::uint32_t slot = 0; slot < workers; ++slot) links_.emplace_back(slot);
  in_use_.reserve(workers);
  has_leavers_ = limits.max_tasks_per_child != std::numeric_limits<std::uint64_t>::max();
  bells_.set(ipc::ParkMode::kPumpLazy);
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
  return is_closed_ && open_calls_ == 0;
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
  Call* call = table_.take();
  retain();
  // relaxed: nobody else knows the call yet. The reference is the caller's; enqueue() adds the pool's.
  call->refs.store(1, std::memory_order_relaxed);
  call->scheduler = this;
  call->task = submission.task;
  call->id = next_call_id_++;
  call->codec = submission.codec;
  call->count = submission.count;
  call->stride = submission.stride;
  call->first_index = submission.first_index;
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
                              " travel in one call (pass a path, or cut them up)");
}

}  // namespace

std::unique_ptr<LargeBytes> Scheduler::make_large(std::span<const std::byte> bytes) {
  if (bytes.size() <= largest_in_ring_) return nullptr;
  auto block = idle_arguments_.take(bytes.size());
  if (!block) {
    // relaxed: a number of its own
    const std::uint32_t id = next_block_id_.fetch_add(1, std::memory_order_relaxed);
    block = std::make_shared<const ipc::SharedBlock>(ipc::SharedBlock::create(bytes.size(), ipc::Writer::kHost, id));
  }
  std::memcpy(block->bytes().data(), bytes.data(), bytes.size());
  return std::make_unique<LargeBytes>(LargeBytes{std::move(block), bytes.size()});
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
  const auto until = support::Deadline::after(limits_.submit_timeout);
  while (is_full_for(submission)) {
    // Nobody may be waiting for a result: the pump thread makes the room, and is to be rung for it.
    expect_callback();
    bool is_late = false;
    if (until.is_never()) {
      room_.wait(lock);
    } else {
      is_late = room_.wait_until(lock, until.when()) == std::cv_status::timeout;
    }
    settle_callback();
    refuse_if_closed();
    if (is_late && is_full_for(submission)) refuse(", still after submit_timeout");
  }
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

// Puts the call where it can run: straight into a ring when nothing is waiting, else into the queue. Throws
// std::bad_alloc; then it is in neither.
void Scheduler::enqueue(Call& call, const Submission& submission) {
  WorkerLink* link = pending_.is_empty() ? best_worker() : nullptr;
  // Not behind what is less urgent, and not beyond what may run at once.
  const bool may_go =
      link != nullptr && !link->has_lower_than(call.priority) &&
      (call.task->policy.max_running == 0 || counters_[call.task->index]->offered < call.task->policy.max_running);
  const bool is_offered = may_go && try_offer(*link, call, submission.bytes, {});
  if (!is_offered && !call.large) call.bytes.assign(submission.bytes);
  if (call.extras) keep_time(call);
  detail::retain(call);  // the pool's, until the verdict
  ++open_calls_;
  if (is_offered) {
    ring_workers();
    // It may take longer than those before it: then somebody else is to have what waits behind it.
    if (link->in_flight() > 1 && (resting_ > 0 || has_idle_worker())) request_recheck();
  } else {
    queue(call, true);
    // Rings full: whoever submits helps to empty them. More urgent than what lies there: that has to wait.
    if (!drain()) make_way();
    if (resting_ > 0) host_->wake_resting();
  }
  arm_timer();
}

CompletionRef Scheduler::submit(const Submission& submission, detail::VerdictCallback callback) {
  refuse_forked_copy();
  refuse_too_large(submission);
  auto large = make_large(submission.bytes);
  Lock lock(mutex_);
  refuse_if_closed();
  make_room_for(lock, submission);
  if (!bars_.empty()) refuse_if_barred(*submission.task);
  if (submission.terms != nullptr && submission.terms->on_progress) host_->prepare_callbacks();
  if (callback) host_->prepare_callbacks();
  Call* call = new_call(submission);
  CompletionRef ref(call);
  call->large = std::move(large);
  if (callback) {
    call->callback = std::make_unique<detail::VerdictCallback>(std::move(callback));
    expect_callback();
  }
  enqueue(*call, submission);
  return ref;
}

CompletionRef Scheduler::begin_map(const detail::TaskInfo& task, detail::VerdictCallback callback) {
  refuse_forked_copy();
  auto map = std::make_unique<Map>();
  map->task = &task;
  map->scheduler = this;
  const Lock lock(mutex_);
  refuse_if_closed();
  if (callback) {
    host_->prepare_callbacks();
    map->callback = std::make_unique<detail::VerdictCallback>(std::move(callback));
    expect_callback();
  }
  retain();
  // relaxed: nobody else knows the map yet. One reference is the pool's, until the verdict; one is the caller's.
  map->refs.store(2, std::memory_order_relaxed);
  return CompletionRef(map.release());
}

void Scheduler::add_chunk(Map& map, const Submission& submission) {
  refuse_too_large(submission);
  auto large = make_large(submission.bytes);
  Lock lock(mutex_);
  refuse_if_closed();
  make_room_for(lock, submission);
  if (!bars_.empty()) refuse_if_barred(*submission.task);
  if (submission.terms != nullptr && submission.terms->on_progress) host_->prepare_callbacks();
  if (map.chunks.size() == map.chunks.capacity()) map.chunks.reserve(std::max<std::size_t>(16, 2 * map.chunks.size()));
  Call* call = new_call(submission);
  call->large = std::move(large);
  call->map = &map;
  map.chunks.push_back(call);  // takes the caller's reference
  map.items += submission.count;
  ++map.open_chunks;
  enqueue(*call, submission);
}

// A worker that sleeps is not woken for what one that is hot will have done by then.
constexpr std::chrono::nanoseconds kWakeUp = std::chrono::microseconds(50);

// The hot one used last while it is soon done; else idle before busy, then hot (so that the others sleep on), then the one
// used last.
WorkerLink* Scheduler::best_worker() noexcept {
  WorkerLink& last = links_[last_worker_];
  if (last.has_capacity() && !last.channel().worker_is_parked()) {
    if (last.in_flight() == 0) return &last;
    const auto mean = last.mean();
    if (mean > std::chrono::nanoseconds::zero() && mean * (last.in_flight() + 1) < kWakeUp) return &last;
  }
  WorkerLink* best = nullptr;
  std::uint64_t best_cost = std::numeric_limits<std::uint64_t>::max();
  for (WorkerLink& link : links_) {
    if (!link.has_capacity()) continue;
    const std::uint64_t cost = (std::uint64_t{link.in_flight()} << 2) | (link.channel().worker_is_parked() ? 2u : 0u) |
                               (&link == &last ? 0u : 1u);
    if (cost < best_cost) {
      best_cost = cost;
      best = &link;
    }
  }
  return best;
}

// `bytes` are the items from call.finished on, wherever they lie now; unused when they are in a block. `now`: {} when it is not
// known.
bool Scheduler::try_offer(WorkerLink& link, Call& call, std::span<const std::byte> bytes, Clock::time_point now) {
  ipc::HostChannel& channel = link.channel();
  if (!link.has_offers() && link.has_replies()) {  // it says something though nobody asked: not to be given anything
    drain_worker(link, Clock::now());
    if (link.is_condemned()) return false;
  }
  flush_dropped_blocks(link);  // before a block it had comes again
  if (!link.blocks_to_drop.empty()) return false;
  const bool is_timed = call.submitted != Clock::time_point{};
  protocol::CallTiming timing;
  protocol::CallHeader header;
  header.codec = static_cast<std::uint8_t>(call.codec);
  header.attempt = call.attempt;
  header.task_id = call.id;
  header.task_index = call.task->index;
  header.count = call.count - call.finished;
  header.stride = call.stride;
  header.first_index = call.first_index + call.finished;
  header.payload_bytes = bytes.size();
  header.deadline_ns = std::numeric_limits<std::int64_t>::max();
  if (call.large) {
    header.flags = protocol::kInBlock;
    header.block_id = call.large->block->id();
    header.payload_bytes = call.large->size;
    bytes = {};
  }
  if (is_timed) {
    header.flags |= protocol::kTimed;
    timing.submitted_ns = std::chrono::nanoseconds(call.submitted.time_since_epoch()).count();
    timing.timeout_ns = std::numeric_limits<std::int64_t>::max();
    if (call.extras) {
      timing.timeout_ns = call.extras->terms.timeout.count();
      header.deadline_ns = std::chrono::nanoseconds(call.extras->terms.deadline.time_since_epoch()).count();
    }
  }
  const std::size_t record_bytes = sizeof header + (is_timed ? sizeof timing : 0) + bytes.size();
  const std::span<std::byte> room = channel.try_reserve(record_bytes);
  if (room.empty()) return false;
  if (call.large && !link.known_blocks.contains(call.large->block->id())) {
    if (!host_->send_block(link.slot(), *call.large->block, false)) return false;
    link.known_blocks.insert(call.large->block->id());
    has_blocks_ = true;
  }
  if (is_timed) {
    protocol::write_record(room, header, timing, bytes);
  } else {
    protocol::write_record(room, header, bytes);
  }
  const std::uint64_t sequence = channel.publish(record_bytes);
  if (link.in_flight() == 0) {
    // A look at the clock takes a tenth of a hot call: while the worker is at it already.
    link.note_busy_from(now == Clock::time_point{} ? Clock::now() : now);
    activations_.fetch_add(1, std::memory_order_relaxed);
  }
  push_offer(link, sequence, &call);
  link.tally.submitted += header.count;
  link.tally.argument_bytes += header.payload_bytes;
  if (call.task->policy.max_running != 0) ++counters_[call.task->index]->offered;
  call.state = Call::State::kOffered;
  call.worker = link.slot();
  call.sequence = sequence;
  call.offered_from = call.finished;
  last_worker_ = link.slot();
  return true;
}

void Scheduler::push_offer(WorkerLink& link, std::uint64_t sequence, Call* call) {
  link.push(sequence, call);
  if (link.is_in_use) return;
  link.is_in_use = true;
  in_use_.push_back(&link);
}

bool Scheduler::try_offer_control(WorkerLink& link, const protocol::CallHeader& header) {
  const std::span<std::byte> room = link.channel().try_reserve(sizeof header);
  if (room.empty()) return false;
  protocol::write_record(room, header, {});
  push_offer(link, link.channel().publish(sizeof header), nullptr);
  return true;
}

void Scheduler::flush_dropped_blocks(WorkerLink& link) {
  while (!link.blocks_to_drop.empty()) {
    protocol::CallHeader header;
    header.kind = protocol::CallKind::kDropBlock;
    header.block_id = link.blocks_to_drop.back();
    if (!try_offer_control(link, header)) return;
    link.blocks_to_drop.pop_back();
  }
}

// Gives out what is queued, evens out what is not, and tells the workers to leave when nothing will come any more.
void Scheduler::dispatch(Clock::time_point now) {
  if (has_barred_in_queue_) fail_barred();
  offer_pending(now);
  if (pending_.is_empty()) {
    rebalance(now);
    wake_for_what_waits(now);
  } else {
    make_way();
    if (resting_ > 0 && host_ != nullptr) host_->wake_resting();
  }
  if (has_blocks_) {
    for (WorkerLink& link : links_) {
      if (!link.is_ready() || link.is_shut_down()) continue;
      link.drop_evicted_results();
      if (!link.blocks_to_drop.empty()) flush_dropped_blocks(link);
    }
  }
  tell_to_leave();
  ring_workers();
  arm_timer();
}

void Scheduler::offer_pending(Clock::time_point now) {
  while (!pending_.is_empty()) {
    Call& call = *pending_.front();
    TaskCounters& counters = *counters_[call.task->index];
    if (call.task->policy.max_running != 0 && counters.offered >= call.task->policy.max_running) {
      pending_.remove(&call);
      call.state = Call::State::kHeld;
      counters.held.push_back(&call);
      continue;
    }
    WorkerLink* link = best_worker();
    if (link == nullptr || (link->in_flight() > 0 && link->has_lower_than(call.priority))) return;
    unqueue(call);
    if (!try_offer(*link, call, call.bytes.get(), now)) return queue(call, false);
    pending_.note_turn(call.priority);
    call.bytes.clear();
    if (call.extras) keep_time(call);
  }
}

// Takes less urgent records, not begun, back from behind what runs, so that the more urgent call is next. Not for what
// the worker will soon have done.
void Scheduler::make_way() {
  constexpr std::chrono::nanoseconds kWorthWaiting = std::chrono::milliseconds(1);
  const std::uint8_t urgent = pending_.is_empty() ? 0 : pending_.front()->priority;
  for (WorkerLink& link : links_) {
    if (!link.is_ready() || !link.has_lower_than(urgent)) continue;
    if (link.expected_work(Clock::now()) < kWorthWaiting) {
      request_recheck();
      continue;
    }
    for (std::uint64_t sequence = link.end_sequence(); sequence-- > link.front_sequence();) {
      Call* call = link.offer(sequence).call;
      if (call == nullptr || call->priority >= urgent) continue;
      if (link.channel().try_revoke(sequence) != ipc::HostChannel::Revoke::kRevoked) break;
      take_back(link, sequence);
    }
  }
}

void Scheduler::request_recheck() {
  if (is_recheck_scheduled_) return;
  is_recheck_scheduled_ = true;
  host_->schedule_recheck();
}

// Behind everything that was offered: the workers that leave have done all of it when they come to this.
void Scheduler::tell_to_leave() {
  const bool is_over = is_closed_ && open_calls_ == 0;
  if (!is_over && !has_leavers_) return;
  bool all_told = true;
  for (WorkerLink& link : links_) {
    if (!link.is_ready() || link.is_shut_down() || link.is_doomed() || !(is_over || link.is_leaving())) continue;
    if (try_offer_control(link, {.kind = protocol::CallKind::kShutdown})) {
      link.set_shut_down();
    } else {
      all_told = false;  // its ring is full of what it is just passing: with its next reply
    }
  }
  if (!is_over || !all_told || has_told_workers_to_leave_) return;
  has_told_workers_to_leave_ = true;
  if (host_ != nullptr) host_->all_work_done();
}

// One look at each park word for any number of records.
void Scheduler::ring_workers() noexcept {
  for (WorkerLink* link : in_use_) {
    if (!link->needs_bell) continue;
    link->needs_bell = false;
    if (link->is_ready() && link->channel().ring_if_parked()) note_doorbell_rung();
  }
}

// A worker without work takes half of what waits behind another one's running task, so that a long task holds nothing
// up. Not for what that worker will have done before the other is awake.
void Scheduler::rebalance(Clock::time_point now) {
  constexpr std::chrono::nanoseconds kWorthMoving = std::chrono::microseconds(20);
  const auto find_busiest = [this] {
    WorkerLink* busiest = nullptr;
    for (WorkerLink* link : in_use_) {
      if (link->is_ready() && link->in_flight() > 1 &&
          (busiest == nullptr || link->in_flight() > busiest->in_flight())) {
        busiest = link;
      }
    }
    return busiest;
  };
  if (!has_idle_worker() || find_busiest() == nullptr) return;
  for (WorkerLink& idle : links_) {
    if (!idle.has_capacity() || idle.in_flight() != 0) continue;
    WorkerLink* const busiest = find_busiest();
    if (busiest == nullptr) return;
    if (busiest->expected_work(now) < kWorthMoving) return request_recheck();
    std::uint32_t wanted = busiest->in_flight() / 2;
    for (std::uint64_t sequence = busiest->end_sequence(); wanted > 0 && sequence-- > busiest->front_sequence();) {
      if (busiest->offer(sequence).call == nullptr) continue;
      // Whatever lies before a claimed record was claimed too.
      if (busiest->channel().try_revoke(sequence) != ipc::HostChannel::Revoke::kRevoked) break;
      take_back(*busiest, sequence);
      --wanted;
    }
    offer_pending(now);
    if (!pending_.is_empty()) return;
  }
}

// Back into the queue, before everything younger. The record was revoked, or its worker is dead and had not claimed it.
void Scheduler::take_back(WorkerLink& link, std::uint64_t sequence) {
  Call& call = *link.offer(sequence).call;
  if (!call.large) call.bytes.assign(arguments_in_ring(link, sequence));
  link.tally.submitted -= call.count - call.finished;
  link.tally.argument_bytes -= call.held_bytes();
  link.mark_revoked(sequence);
  note_not_offered(call);
  queue(call, false);
}

// As this side wrote them, its own header's size included.
std::span<const std::byte> Scheduler::arguments_in_ring(const WorkerLink& link, std::uint64_t sequence) {
  const auto record = link.channel().request(sequence);
  std::uint16_t header_bytes = 0;
  static_assert(offsetof(protocol::CallHeader, header_bytes) == 0);
  std::memcpy(&header_bytes, record.data(), sizeof header_bytes);
  return record.subspan(header_bytes);
}

// One record less of its task in the workers: the next one may go.
void Scheduler::note_not_offered(const Call& call) {
  if (call.task->policy.max_running == 0) return;
  TaskCounters& counters = *counters_[call.task->index];
  --counters.offered;
  if (counters.held.is_empty()) return;
  Call* next = counters.held.front();
  counters.held.remove(next);
  next->state = Call::State::kPending;
  pending_.push_front(next);
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
  if (!links_[slot].is_ready()) ++ready_;
  links_[slot].attach(channel, generation, pid, quota);
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
    if (link.is_ready()) link.detach();
  }
  ready_ = 0;
  host_ = nullptr;
  wait_for_spinner(lock);
}

}  // namespace bulkhead::pool
