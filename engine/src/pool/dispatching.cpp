// Which worker gets what, and when it is taken back.

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>

#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

// A worker that sleeps is not woken for what one that is hot will have done by then.
constexpr std::chrono::nanoseconds kWakeUp = std::chrono::microseconds(50);

// How long a call of what this worker is at takes, as far as it is known; 0: it is not. What workers measure is without the
// time that they wait for a processor: many that take turns would never count as quick.
std::chrono::nanoseconds Scheduler::time_per_call(const WorkerLink& link) const noexcept {
  if (link.has_offers()) {
    const Call* const call = link.front().call;
    if (call != nullptr && counters_[call->task->index]->recent_run != std::chrono::nanoseconds::zero()) {
      return std::min(counters_[call->task->index]->recent_run, link.mean());
    }
  }
  return link.mean();
}

// As many workers as there are processors are at it, and quick: with one more they would only take turns, and each turn
// costs more than such a call. One that has been silent is not quick any more. `now`: {} when it is not known.
bool Scheduler::is_crowded(Clock::time_point now) const noexcept {
  constexpr std::chrono::nanoseconds kSilent = std::chrono::milliseconds(1);
  if (in_use_.size() < cpus_) return false;
  std::size_t quick = 0;
  for (const WorkerLink* link : in_use_) {
    if (!link->has_offers()) continue;
    const auto each = time_per_call(*link);
    if (each == std::chrono::nanoseconds::zero() || each >= kWakeUp) continue;
    if (now - link->idle_since() >= kSilent) continue;
    if (++quick == cpus_) return true;
  }
  return false;
}

// nullptr: none of them takes more.
WorkerLink* Scheduler::least_busy_in_use() noexcept {
  WorkerLink* best = nullptr;
  for (WorkerLink* link : in_use_) {
    if (link->has_capacity() && (best == nullptr || link->in_flight() < best->in_flight())) best = link;
  }
  return best;
}

// The hot one used last while it is soon done; else idle before busy, then hot (so that the others sleep on), then the one
// used last.
WorkerLink* Scheduler::best_worker(Clock::time_point now) noexcept {
  WorkerLink& last = links_[last_worker_];
  if (last.has_capacity() && !last.channel().worker_is_parked()) {
    if (last.in_flight() == 0) return &last;
    const auto each = time_per_call(last);
    if (each > std::chrono::nanoseconds::zero() && each * (last.in_flight() + 1) < kWakeUp) return &last;
  }
  if (is_crowded(now)) return least_busy_in_use();
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

namespace {

// What is offered of a call: its items from call.finished on.
struct CallRecord {
  CallRecord(const Call& offered, std::span<const std::byte> ring_bytes) noexcept
      : call(offered), bytes(offered.large ? std::span<const std::byte>() : ring_bytes) {}

  [[nodiscard]] bool is_timed() const noexcept { return call.submitted != std::chrono::steady_clock::time_point{}; }
  [[nodiscard]] std::uint32_t items() const noexcept { return call.count - call.finished; }
  [[nodiscard]] std::uint64_t payload_bytes() const noexcept { return call.large ? call.large->size : bytes.size(); }
  [[nodiscard]] std::size_t header_bytes() const noexcept {
    return sizeof(protocol::CallHeader) + (is_timed() ? sizeof(protocol::CallTiming) : 0);
  }
  [[nodiscard]] std::size_t size() const noexcept { return header_bytes() + bytes.size(); }
  void write_to(std::span<std::byte> room, bool is_ahead) const noexcept;

  const Call& call;
  std::span<const std::byte> bytes;  // in the ring
};

// Field by field into the ring: a header put together elsewhere and copied costs twice as much.
void CallRecord::write_to(std::span<std::byte> room, bool is_ahead) const noexcept {
  constexpr auto kNone = std::numeric_limits<std::int64_t>::max();
  const CallExtras* extras = call.extras.get();
  const auto deadline =
      extras == nullptr ? kNone : std::chrono::nanoseconds(extras->terms.deadline.time_since_epoch()).count();
  const auto flag = [](bool is_set, protocol::RecordFlag bit) { return is_set ? unsigned{bit} : 0U; };
  const unsigned flags = flag(call.large != nullptr, protocol::kInBlock) | flag(is_timed(), protocol::kTimed) |
                         flag(is_ahead, protocol::kAhead);
  ::new (room.data()) protocol::CallHeader{.header_bytes = static_cast<std::uint16_t>(header_bytes()),
                                           .codec = call.codec,
                                           .flags = static_cast<std::uint16_t>(flags),
                                           .attempt = call.attempt,
                                           .task_id = call.id,
                                           .task_index = call.task->index,
                                           .count = items(),
                                           .stride = call.stride,
                                           .block_id = call.large ? call.large->block->id() : 0,
                                           .first_index = call.first_index + call.finished,
                                           .payload_bytes = payload_bytes(),
                                           .deadline_ns = deadline};
  if (is_timed()) {
    ::new (room.data() + sizeof(protocol::CallHeader))
        protocol::CallTiming{.submitted_ns = std::chrono::nanoseconds(call.submitted.time_since_epoch()).count(),
                             .timeout_ns = extras == nullptr ? kNone : extras->terms.timeout.count()};
  }
  if (!bytes.empty()) std::memcpy(room.data() + header_bytes(), bytes.data(), bytes.size());
}

}  // namespace

// `bytes` are the items from call.finished on, wherever they lie now; unused when they are in a block. `now`: {} when it is not
// known.
bool Scheduler::try_offer(WorkerLink& link, Call& call, std::span<const std::byte> bytes, Clock::time_point now) {
  ipc::HostChannel& channel = link.channel();
  link.pop_passed_controls();
  if (!link.has_offers() && link.has_replies()) {  // it says something though nobody asked: not to be given anything
    do_or_break([&] { drain_worker(link, Clock::now()); });
    if (link.is_condemned() || has_given_up_) return false;
  }
  flush_dropped_blocks(link);  // before a block it had comes again
  if (!link.blocks_to_drop.empty()) return false;
  const CallRecord record(call, bytes);
  const std::span<std::byte> room = channel.try_reserve(record.size());
  if (room.empty()) return false;
  if (call.large && link.known_blocks.insert(call.large->block->id()).second) {
    if (!host_->send_block(link.slot(), *call.large->block, false)) {
      link.known_blocks.erase(call.large->block->id());
      try_to_send_later(link);
      return false;
    }
    refused_sends_.note_sent();
    has_blocks_ = true;
  }
  if (call.arrays && !send_arrays(link, call)) {
    try_to_send_later(link);
    return false;
  }
  record.write_to(room, link.is_ahead());
  const std::uint64_t sequence = channel.stage(room.size());
  if (link.in_flight() == 0) {
    channel.flush();  // ring_workers() would be soon enough for one that is busy
    // A look at the clock takes a tenth of a hot call: while the worker is at it already.
    link.note_busy_from(now == Clock::time_point{} ? Clock::now() : now);
    note_activation();
  }
  push_offer(link, sequence, &call);
  link.tally.submitted += record.items();
  link.tally.argument_bytes += record.payload_bytes();
  if (call.task->policy.max_running != 0) ++counters_[call.task->index]->offered;
  call.state = Call::State::kOffered;
  call.worker = link.slot();
  call.sequence = sequence;
  call.offered_from = call.finished;
  last_worker_ = link.slot();
  return true;
}

// Its socket is full, or too many descriptors are on their way: that passes, and nothing else may come to try again. A
// worker without work is asked to look, since only records make it; one that still does not take it is replaced.
void Scheduler::try_to_send_later(WorkerLink& link) {
  request_recheck();
  if (link.in_flight() != 0) return;
  if (refused_sends_.note_refused(Clock::now())) {
    host_->condemn(link.slot(), "messages do not come through to it");
    link.set_condemned();
  } else if (!link.has_offers()) {  // else it has not come to the last time that it was asked
    (void)try_offer_control(link, {.kind = protocol::CallKind::kTakeSent});
  }
}

void Scheduler::push_offer(WorkerLink& link, std::uint64_t sequence, Call* call) {
  link.push(sequence, call);
  if (link.is_in_use) return;
  link.is_in_use = true;
  in_use_.push_back(&link);
}

bool Scheduler::try_offer_control(WorkerLink& link, const protocol::CallHeader& header) {
  link.pop_passed_controls();  // any number of them: else they would use up the claim table
  const std::span<std::byte> room = link.channel().try_reserve(sizeof header);
  if (room.empty()) return false;
  protocol::write_record(room, header, {});
  push_offer(link, link.channel().stage(sizeof header), nullptr);
  may_await_controls_ = true;
  return true;
}

void Scheduler::look_again_for_idle() {
  if (host_ != nullptr && (has_idle_worker() || awaits_controls())) request_recheck();
}

bool Scheduler::awaits_controls() noexcept {
  if (!may_await_controls_) return false;
  may_await_controls_ =
      std::ranges::any_of(in_use_, [](const WorkerLink* link) { return link->has_offers() && link->in_flight() == 0; });
  return may_await_controls_;
}

// Before the record that names them.
bool Scheduler::send_arrays(WorkerLink& link, const Call& call) {
  for (const sdk::SharedRef& array : *call.arrays) {
    auto& known = link.known_arrays[array.id];
    bool& is_known = array.is_writable ? known.to_write : known.to_read;
    if (is_known) continue;
    arrays_->watch(*array.memory);
    if (!host_->send_shared(link.slot(), array)) return false;
    refused_sends_.note_sent();
    is_known = true;
    has_blocks_ = true;
  }
  return true;
}

void Scheduler::drop_gone_arrays() {
  const auto gone = arrays_->take_gone();
  if (gone.empty()) return;
  const Lock lock(mutex_);
  if (host_ == nullptr) return;
  for (const std::uint64_t id : gone) {
    for (WorkerLink& link : links_) {
      if (link.known_arrays.erase(id) > 0) link.arrays_to_drop.push_back(id);
    }
  }
  dispatch(Clock::now());
}

void Scheduler::flush_dropped_arrays(WorkerLink& link) {
  while (!link.arrays_to_drop.empty()) {
    protocol::CallHeader header;
    header.kind = protocol::CallKind::kDropShared;
    header.task_id = link.arrays_to_drop.back();
    if (!try_offer_control(link, header)) return;
    link.arrays_to_drop.pop_back();
  }
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
void Scheduler::dispatch(Clock::time_point now) noexcept {
  do_or_break([&] { try_dispatch(now); });
}

void Scheduler::try_dispatch(Clock::time_point now) {
  if (has_barred_in_queue_) fail_barred();
  offer_pending(now);
  if (pending_.is_empty()) {
    rebalance(now);
    wake_for_what_waits(now);
  } else {
    make_way();
    look_again_for_idle();
    if (resting_ > 0 && host_ != nullptr) host_->wake_resting();
  }
  if (has_blocks_) {
    for (WorkerLink& link : links_) {
      if (!link.is_ready() || link.is_shut_down()) continue;
      link.drop_evicted_results();
      if (!link.blocks_to_drop.empty()) flush_dropped_blocks(link);
      if (!link.arrays_to_drop.empty()) flush_dropped_arrays(link);
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
    WorkerLink* link = best_worker(now);
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
  for (WorkerLink* link : in_use_) {
    if (!link->is_ready() || !link->has_lower_than(urgent)) continue;
    if (link->expected_work(Clock::now()) < kWorthWaiting) {
      request_recheck();
      continue;
    }
    for (std::uint64_t sequence = link->end_sequence(); sequence-- > link->front_sequence();) {
      Call* call = link->offer(sequence).call;
      if (call == nullptr || call->priority >= urgent) continue;
      if (link->channel().try_revoke(sequence) != ipc::HostChannel::Revoke::kRevoked) break;
      take_back(*link, sequence);
    }
  }
}

void Scheduler::request_recheck() {
  if (is_recheck_scheduled_) return;
  host_->schedule_recheck();
  is_recheck_scheduled_ = true;
}

// Behind everything that was offered: the workers that leave have done all of it when they come to this.
void Scheduler::tell_to_leave() {
  const bool is_over = has_all_work_done();
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

// One store and one look at each park word for any number of records.
void Scheduler::ring_workers() noexcept {
  for (WorkerLink* link : in_use_) {
    if (!link->has_staged) continue;
    link->has_staged = false;
    if (!link->is_ready()) continue;
    link->channel().flush();
    if (link->channel().ring_if_parked()) note_doorbell_rung();
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
  if (is_crowded(now)) return request_recheck();
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

}  // namespace bulkhead::pool
