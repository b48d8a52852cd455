#include "pool/scheduler.hpp"

#include <cstring>
#include <limits>

#include "pool/payload.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

using detail::CompletionRef;
using detail::Submission;

Scheduler::Scheduler(std::uint32_t workers, std::size_t ring_bytes, SchedulerHost& host,
                     std::shared_ptr<const void> catalogue)
    : catalogue_(std::move(catalogue)),
      host_(&host),
      links_(workers),
      largest_in_ring_(ring_bytes / 4 - 2 * sizeof(protocol::CallHeader)),
      bells_(ipc::PoolBells::create()) {
  watched_.reserve(workers);
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

Call* Scheduler::new_call(const Submission& submission) {
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
  return call;
}

namespace {

// Arguments that no ring takes get a block, written before the lock is taken.
std::unique_ptr<LargeBytes> make_large(std::span<const std::byte> bytes, std::size_t ring_limit, std::uint32_t id) {
  if (bytes.size() <= ring_limit) return nullptr;
  auto block = ipc::SharedBlock::create(bytes.size(), ipc::Writer::kHost, id);
  std::memcpy(block.bytes().data(), bytes.data(), bytes.size());
  return std::make_unique<LargeBytes>(
      LargeBytes{std::make_shared<const ipc::SharedBlock>(std::move(block)), bytes.size()});
}

void refuse_too_large(const Submission& submission) {
  if (submission.bytes.size() <= protocol::kMaxPayloadBytes) return;
  detail::raise<PayloadError>("the arguments of task \"" + submission.task->name + "\" take " +
                              std::to_string(submission.bytes.size()) + " bytes; at most " +
                              std::to_string(protocol::kMaxPayloadBytes) +
                              " travel in one call (pass a path, or cut them up)");
}

}  // namespace

// Puts the call where it can run: straight into a ring when nothing is waiting, else into the queue. Throws
// std::bad_alloc; then it is in neither.
void Scheduler::enqueue(Call& call, const Submission& submission) {
  WorkerLink* link = pending_.is_empty() ? best_worker() : nullptr;
  const bool is_offered = link != nullptr && try_offer(*link, call, submission.bytes,
                                                       link->in_flight() == 0 ? Clock::now() : Clock::time_point{});
  if (!is_offered && !call.large) call.bytes.assign(submission.bytes);
  detail::retain(call);  // the pool's, until the verdict
  ++open_calls_;
  if (is_offered) {
    ring_workers();
  } else {
    pending_.push_back(&call);
    drain();  // rings full: whoever submits helps to empty them
  }
}

CompletionRef Scheduler::submit(const Submission& submission, detail::VerdictCallback callback) {
  refuse_forked_copy();
  refuse_too_large(submission);
  auto large = make_large(submission.bytes, largest_in_ring_, next_block_id_.fetch_add(1, std::memory_order_relaxed));
  const Lock lock(mutex_);
  refuse_if_closed();
  Call* call = new_call(submission);
  CompletionRef ref(call);
  call->large = std::move(large);
  if (callback) {
    host_->prepare_callbacks();
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
  auto large = make_large(submission.bytes, largest_in_ring_, next_block_id_.fetch_add(1, std::memory_order_relaxed));
  const Lock lock(mutex_);
  refuse_if_closed();
  map.chunks.reserve(map.chunks.size() + 1);
  Call* call = new_call(submission);
  call->large = std::move(large);
  call->map = &map;
  map.chunks.push_back(call);  // takes the caller's reference
  map.items += submission.count;
  ++map.open_chunks;
  enqueue(*call, submission);
}

// Idle before busy, then the one that is hot (so that the others sleep on), then the one used last.
WorkerLink* Scheduler::best_worker() noexcept {
  WorkerLink& last = links_[last_worker_];
  if (last.has_capacity() && last.in_flight() == 0 && !last.channel().worker_is_parked()) return &last;
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

// `bytes` are the items from call.finished on, wherever they lie now; unused when they are in a block.
bool Scheduler::try_offer(WorkerLink& link, Call& call, std::span<const std::byte> bytes, Clock::time_point now) {
  ipc::HostChannel& channel = link.channel();
  flush_dropped_blocks(link);  // before a block it had comes again
  if (!link.blocks_to_drop.empty()) return false;
  protocol::CallHeader header;
  header.codec = static_cast<std::uint8_t>(call.codec);
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
  const std::span<std::byte> room = channel.try_reserve(sizeof header + bytes.size());
  if (room.empty()) return false;
  if (call.large && !host_->send_block(slot_of(link), *call.large->block, false)) return false;
  protocol::write_record(room, header, bytes);
  const std::uint64_t sequence = channel.publish(sizeof header + bytes.size());
  if (link.in_flight() == 0) {
    link.note_busy_from(now);
    activations_.fetch_add(1, std::memory_order_relaxed);
  }
  link.push(sequence, &call);
  call.state = Call::State::kOffered;
  call.worker = slot_of(link);
  call.sequence = sequence;
  call.offered_from = call.finished;
  last_worker_ = slot_of(link);
  return true;
}

bool Scheduler::try_offer_control(WorkerLink& link, const protocol::CallHeader& header) {
  const std::span<std::byte> room = link.channel().try_reserve(sizeof header);
  if (room.empty()) return false;
  protocol::write_record(room, header, {});
  link.push(link.channel().publish(sizeof header), nullptr);
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
  while (!pending_.is_empty()) {
    WorkerLink* link = best_worker();
    if (link == nullptr) break;
    Call& call = *pending_.front();
    pending_.remove(&call);
    if (!try_offer(*link, call, call.bytes.get(), now)) {
      pending_.push_front(&call);
      break;
    }
    call.bytes.clear();
  }
  if (pending_.is_empty()) rebalance(now);
  for (WorkerLink& link : links_) {
    if (link.is_ready() && !link.is_shut_down() && !link.blocks_to_drop.empty()) flush_dropped_blocks(link);
  }
  if (is_closed_ && open_calls_ == 0) {
    bool all_told = true;
    for (WorkerLink& link : links_) {
      if (!link.is_ready() || link.is_shut_down()) continue;
      if (try_offer_control(link, {.kind = protocol::CallKind::kShutdown})) {
        link.set_shut_down();
      } else {
        all_told = false;  // its ring is full of what it is just passing: with its next reply
      }
    }
    if (all_told && !has_told_workers_to_leave_) {
      has_told_workers_to_leave_ = true;
      if (host_ != nullptr) host_->all_work_done();
    }
  }
  ring_workers();
}

// One look at each park word for any number of records.
void Scheduler::ring_workers() noexcept {
  for (WorkerLink& link : links_) {
    if (!link.needs_bell) continue;
    link.needs_bell = false;
    if (link.channel().ring_if_parked()) note_doorbell_rung();
  }
}

// A worker without work takes half of what waits behind another one's running task, so that a long task holds nothing
// up. Not for what that worker will have done before the other is awake.
void Scheduler::rebalance(Clock::time_point now) {
  constexpr std::chrono::nanoseconds kWorthMoving = std::chrono::microseconds(20);
  for (WorkerLink& idle : links_) {
    if (!idle.has_capacity() || idle.in_flight() != 0) continue;
    WorkerLink* busiest = nullptr;
    for (WorkerLink& link : links_) {
      if (link.is_ready() && link.in_flight() > 1 && (busiest == nullptr || link.in_flight() > busiest->in_flight())) {
        busiest = &link;
      }
    }
    if (busiest == nullptr) return;
    if (busiest->expected_work(now) < kWorthMoving) {
      if (!is_recheck_scheduled_) {
        is_recheck_scheduled_ = true;
        host_->schedule_recheck();
      }
      return;
    }
    std::uint32_t wanted = busiest->in_flight() / 2;
    for (std::uint64_t sequence = busiest->end_sequence(); wanted > 0 && sequence-- > busiest->front_sequence();) {
      if (busiest->offer(sequence).call == nullptr) continue;
      // Whatever lies before a claimed record was claimed too.
      if (busiest->channel().try_revoke(sequence) != ipc::HostChannel::Revoke::kRevoked) break;
      take_back(*busiest, sequence);
      --wanted;
    }
    while (!pending_.is_empty()) {
      Call& call = *pending_.front();
      pending_.remove(&call);
      if (!idle.has_capacity() || !try_offer(idle, call, call.bytes.get(), now)) {
        pending_.push_front(&call);
        break;
      }
      call.bytes.clear();
    }
    if (!pending_.is_empty()) return;
  }
}

// Back into the queue, before everything younger. The record was revoked, or its worker is dead and had not claimed it.
void Scheduler::take_back(WorkerLink& link, std::uint64_t sequence) {
  Call& call = *link.offer(sequence).call;
  if (!call.large) {
    call.bytes.assign(link.channel().request(sequence).subspan(sizeof(protocol::CallHeader)));
  } else {
    link.blocks_to_drop.push_back(call.large->block->id());
  }
  link.mark_revoked(sequence);
  pending_.push_front(&call);
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
  links_[slot].attach(channel, generation, pid);
  dispatch(Clock::now());
}

void Scheduler::pump_rang() {
  const Lock lock(mutex_);
  if (host_ == nullptr) return;
  // A new epoch first: a worker rings once for each. A parked leader's announcement must stand.
  if (!is_leader_parked_) bells_.set(resting_mode());
  drain();
}

void Scheduler::close() {
  refuse_forked_copy();
  const Lock lock(mutex_);
  if (is_closed_) return;
  is_closed_ = true;
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
  host_ = nullptr;
  wait_for_spinner(lock);
}

}  // namespace bulkhead::pool
