#include "worker/executor.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "ipc/fork_guard.hpp"
#include "protocol/record.hpp"
#include "support/fault_point.hpp"
#include "worker/discarded_call.hpp"
#include "worker/executor_blocks.hpp"
#include "worker/executor_boundary.hpp"
#include "worker/plugin_host.hpp"
#include "worker/process_state.hpp"
#include "worker/reply_writer.hpp"

namespace bulkhead::worker {
namespace {

using protocol::CallHeader;
using protocol::ErrorEnvelope;
using Clock = std::chrono::steady_clock;
using Announce = ReplyWriter::Announce;

// How long results of a running batch may stay unannounced to a sleeping host, unless an item took so long that telling it
// costs nothing beside it. Nobody waits for an item before its batch is done: it is told for the statistics; and of a ring
// that fills up the channel tells.
constexpr auto kAnnounceInterval = std::chrono::milliseconds(5);
constexpr auto kLongItem = std::chrono::microseconds(200);
constexpr auto kProgressInterval = std::chrono::milliseconds(10);
// Of one run's results: enough to make a reply cost nothing beside them, little enough for the cache, and for the host to
// read some while others are made.
constexpr std::size_t kRunBytes = 16 * 1024;

[[nodiscard]] std::int64_t now_ns() noexcept {
  return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

// The boundary's numbers are those of the status.
static_assert(BULKHEAD_PHASE_DECODE == static_cast<int>(Phase::kDecode) &&
              BULKHEAD_PHASE_RUN == static_cast<int>(Phase::kRun) &&
              BULKHEAD_PHASE_ENCODE == static_cast<int>(Phase::kEncode) &&
              BULKHEAD_PHASE_DESTROY == static_cast<int>(Phase::kDestroy));

[[nodiscard]] bool is_outcome(std::int32_t outcome) noexcept {
  return outcome >= BULKHEAD_OK && outcome <= BULKHEAD_INIT_FAILED;
}

[[nodiscard]] Phase phase_of(std::int32_t outcome) noexcept {
  switch (outcome) {
    case BULKHEAD_DECODE_FAILED:
      return Phase::kDecode;
    case BULKHEAD_ENCODE_FAILED:
      return Phase::kEncode;
    case BULKHEAD_INIT_FAILED:
      return Phase::kInit;
    default:
      return Phase::kRun;
  }
}

class Executor {
 public:
  Executor(ipc::WorkerChannel& channel, int control_fd, std::span<const TaskToRun> tasks);
  [[nodiscard]] int run();
  // Why it failed; empty: it did not. The state it makes is the one that later calls use.
  [[nodiscard]] std::string run_initializer(const InitializerRun& initializer);
  // From now on tasks find the process as it is now.
  void keep_process_state() { process_state_ = std::make_unique<ProcessState>(); }

 private:
  struct Slot {
    const bulkhead_task* task;
    const bulkhead_host* host;
    void* state = nullptr;
    bool has_state = false;
  };

  void run_call(const protocol::Record<CallHeader>& call);
  void put_process_back(std::uint32_t task_index);
  void begin_timed_item();
  [[nodiscard]] std::span<const std::byte> items_of(const CallHeader& header, std::span<const std::byte> payload);
  // What the items that the plugin does not end itself end with.
  [[nodiscard]] std::int32_t run_items(Slot& slot, const CallHeader& header, std::span<const std::byte> payload);
  // Null: no such task, or its plugin is left out.
  [[nodiscard]] Slot* slot_of(std::uint32_t index) noexcept {
    return index < slots_.size() && slots_[index].task != nullptr ? &slots_[index] : nullptr;
  }
  [[nodiscard]] bool make_state(Slot& slot, const CallHeader& header);
  void end_remaining_items(std::int32_t outcome);
  void destroy_states();

  // What bulkhead_call's functions do.
  [[nodiscard]] void* reserve(std::size_t size);
  [[nodiscard]] bool end_item(std::int32_t outcome);
  [[nodiscard]] void* begin_run(std::size_t result_size, std::uint64_t& count);
  [[nodiscard]] bool end_run(std::uint64_t count);
  void progress(std::uint64_t done, std::uint64_t total, std::string_view note);

  void publish_item(std::int32_t outcome, bool is_last, Announce announce);
  void publish_run(bool is_last, Announce announce);
  void tell_times(std::uint64_t items);
  [[nodiscard]] bool begin_next_item();
  [[nodiscard]] Announce when_to_announce();
  void set_phase(Phase phase) noexcept { channel_.set_phase(static_cast<std::uint8_t>(phase)); }
  void set_status(Phase phase, std::uint64_t item) noexcept {
    channel_.set_status(static_cast<std::uint8_t>(phase), call_.task_id, item);
  }
  [[nodiscard]] bool is_open() const noexcept { return item_ < count_; }
  // A task may fork and return in both processes. The child has no rings: let it end before it
  // looks for them.
  void leave_if_forked() const noexcept {
    if (fork_guard_.is_forked_child()) ::_exit(kExitForkedChild);
  }

  ipc::WorkerChannel& channel_;
  ExecutorBlocks blocks_;
  ReplyWriter writer_;
  ipc::ForkGuard fork_guard_;
  std::vector<Slot> slots_;
  std::vector<Slot*> states_in_order_;           // of creation
  std::unique_ptr<ProcessState> process_state_;  // null: what tasks change stays
  bulkhead_call call_{};

  // The running call's.
  std::uint64_t item_ = 0;                   // the one that is being answered
  std::uint64_t count_ = 0;                  // of its items
  std::int32_t last_outcome_ = BULKHEAD_OK;  // of the last item once it ended; it is published when the plugin returned
  bool is_last_run_ = false;                 // what is published then are the results of a run
  std::uint64_t run_room_ = 0;               // results that the run begun last has room for; 0: there is none
  std::size_t run_result_bytes_ = 0;
  ErrorEnvelope failure_;                             // of the item that is being answered
  const std::atomic<std::uint32_t>* stop_ = nullptr;  // the host's wish
  bool is_timed_ = false;
  protocol::CallTiming timing_;
  std::int64_t last_deadline_ns_ = 0;  // the caller's own
  std::int64_t started_ns_ = 0;        // of the item
  Clock::time_point last_announcement_;
  Clock::time_point last_item_end_;
  Clock::time_point last_progress_;
};

Executor::Executor(ipc::WorkerChannel& channel, int control_fd, std::span<const TaskToRun> tasks)
    : channel_(channel), blocks_(control_fd), writer_(channel, blocks_) {
  slots_.reserve(tasks.size());
  states_in_order_.reserve(tasks.size());
  for (const TaskToRun& task : tasks) slots_.push_back({task.task, task.host});

  call_.size = sizeof call_;
  call_.self = this;
  call_.reserve = [](void* self, std::size_t size) {
    return serve_plugin([&] { return static_cast<Executor*>(self)->reserve(size); });
  };
  call_.commit = [](void* self, std::size_t size) {
    auto& executor = *static_cast<Executor*>(self);
    if (executor.is_open()) executor.writer_.commit(size);
  };
  call_.fail = [](void* self, const char* type, std::size_t type_size, const char* text, std::size_t text_size,
                  const char* detail, std::size_t detail_size) {
    serve_plugin([&] {
      auto& executor = *static_cast<Executor*>(self);
      if (!executor.is_open()) return;
      store_failure(executor.failure_, type, type_size, text, text_size, detail, detail_size);
    });
  };
  call_.end_item = [](void* self, std::int32_t outcome) -> std::int32_t {
    return serve_plugin([&] { return static_cast<Executor*>(self)->end_item(outcome) ? 0 : 1; });
  };
  call_.begin_run = [](void* self, std::size_t result_size, std::uint64_t* count) {
    return serve_plugin([&] { return static_cast<Executor*>(self)->begin_run(result_size, *count); });
  };
  call_.end_run = [](void* self, std::uint64_t count) -> std::int32_t {
    return serve_plugin([&] { return static_cast<Executor*>(self)->end_run(count) ? 0 : 1; });
  };
  call_.open_shared = [](void* self, std::uint64_t id, std::uint32_t is_writable,
                         bulkhead_shared* shared) -> std::int32_t {
    const bool is_open = serve_plugin([&] {
      auto& executor = *static_cast<Executor*>(self);
      executor.leave_if_forked();
      return executor.blocks_.open_shared(id, is_writable != 0, *shared);
    });
    return is_open ? 0 : 1;
  };
  call_.share = [](void* self, std::uint64_t id, std::int32_t fd, std::uint64_t bytes,
                   std::uint32_t is_writable) -> std::int32_t {
    const bool is_given = serve_plugin([&] {
      auto& executor = *static_cast<Executor*>(self);
      executor.leave_if_forked();
      return executor.is_open() &&
             executor.blocks_.give_shared({id, bytes, is_writable != 0, executor.call_.task_id, executor.item_}, fd);
    });
    return is_given ? 0 : 1;
  };
  // A plugin in C writes it as the plain word that it is.
  call_.running_item = reinterpret_cast<std::uint64_t*>(&channel_.running_item());
  call_.phase = reinterpret_cast<std::uint64_t*>(&channel_.phase());
  call_.progress = [](void* self, std::uint64_t done, std::uint64_t total, const char* note, std::size_t note_size) {
    serve_plugin([&] {
      const std::string_view text = note == nullptr ? std::string_view() : std::string_view(note, note_size);
      static_cast<Executor*>(self)->progress(done, total, text);
    });
  };
}

int Executor::run() {
  set_status(Phase::kIdle, 0);
  while (true) {
    std::span<const std::byte> frame;
    const auto next = channel_.next(frame);
    if (next == ipc::WorkerChannel::Next::kLeave) {
      destroy_states();
      return 0;
    }
    if (next == ipc::WorkerChannel::Next::kCorrupt) end_process("the request ring is corrupt");
    protocol::Refusal refusal;
    const auto record = protocol::read_call(frame, refusal);
    if (!record) end_process(std::string("the host sent a malformed record: ") + refusal.why);
    const CallHeader& header = record->header;
    if (next == ipc::WorkerChannel::Next::kRevoked) {
      channel_.done();
      writer_.publish_skipped(header.task_id);
      continue;
    }
    switch (header.kind) {
      case protocol::CallKind::kCall:
        run_call(*record);
        if (process_state_ != nullptr) put_process_back(header.task_index);
        break;
      case protocol::CallKind::kDropBlock:
        channel_.done();
        blocks_.drop(header.block_id);
        break;
      case protocol::CallKind::kDropShared:
        channel_.done();
        blocks_.drop_shared(header.task_id);
        break;
      case protocol::CallKind::kTakeSent:
        channel_.done();
        blocks_.take_messages();
        break;
      case protocol::CallKind::kShutdown:
        channel_.done();
        destroy_states();
        return 0;
    }
  }
}

void Executor::run_call(const protocol::Record<CallHeader>& call) {
  BULKHEAD_FAULT_POINT("task.claimed");
  const CallHeader& header = call.header;
  Slot* const known = slot_of(header.task_index);
  if (known == nullptr) end_process("the host called a task that is not loaded");
  Slot& slot = *known;
  item_ = 0;
  count_ = header.count;
  is_last_run_ = false;
  run_room_ = 0;
  call_.codec = header.codec;
  call_.deadline_ns = header.deadline_ns;
  call_.task_id = header.task_id;
  call_.first_index = header.first_index;
  call_.item_stride = header.stride;
  call_.attempt = header.attempt;
  channel_.set_task(header.task_index, header.attempt);
  stop_ = &channel_.stop_word();
  // A plugin in C reads it as the plain word that it is.
  call_.stop = reinterpret_cast<const volatile std::uint32_t*>(stop_);
  writer_.begin_item(header.task_id, 0);
  if ((header.flags & protocol::kAhead) != 0) channel_.expect_more();
  is_timed_ = (header.flags & protocol::kTimed) != 0;
  if (is_timed_) {
    timing_ = protocol::timing_of(call);
    last_deadline_ns_ = header.deadline_ns;
    begin_timed_item();
  }
  if (count_ > 1) last_announcement_ = last_item_end_ = Clock::now();

  const std::int32_t outcome = run_items(slot, header, call.payload);
  BULKHEAD_FAULT_POINT("task.returned");
  leave_if_forked();
  end_remaining_items(outcome);
  // Only now: the plugin may read its arguments until it returns. And before the last reply: the
  // host that sees it also sees the room.
  channel_.done();
  if (is_last_run_) {
    publish_run(true, Announce::kNow);
  } else {
    publish_item(last_outcome_, true, Announce::kNow);
  }
  BULKHEAD_FAULT_POINT("task.answered");
  set_status(Phase::kIdle, 0);
}

// Its caller has the verdict already, and does not wait for this.
void Executor::put_process_back(std::uint32_t task_index) {
  std::string left = process_state_->put_back();
  if (left.empty()) return;
  destroy_states();
  throw ProcessChanged{task_index, std::move(left)};
}

std::span<const std::byte> Executor::items_of(const CallHeader& header, std::span<const std::byte> payload) {
  // The boundary knows no item without its size.
  static constexpr std::array<std::byte, sizeof(std::uint32_t)> kOneEmptyItem{};
  if (header.payload_bytes == 0) return kOneEmptyItem;
  if ((header.flags & protocol::kInBlock) == 0) return payload;
  const auto block = blocks_.find(header.block_id);
  if (block.size() < header.payload_bytes) end_process("the host named a block smaller than its payload");
  return block.first(header.payload_bytes);
}

std::int32_t Executor::run_items(Slot& slot, const CallHeader& header, std::span<const std::byte> payload) {
  const auto items = items_of(header, payload);
  if ((slot.task->codecs & header.codec) == 0) {
    failure_.text = "the task does not speak codec " + std::to_string(header.codec);
    return BULKHEAD_DECODE_FAILED;
  }
  if (slot.task->create != nullptr && !slot.has_state && !make_state(slot, header)) return BULKHEAD_INIT_FAILED;
  set_status(Phase::kRun, 0);
  std::int32_t outcome = BULKHEAD_OK;
  const bool has_returned = call_plugin(
      [&] { outcome = slot.task->invoke_batch(slot.state, &call_, items.data(), items.size(), header.count); });
  if (!has_returned) {
    failure_ = {Phase::kRun, {}, std::string(kEscapedText), {}};
    return BULKHEAD_TASK_FAILED;
  }
  if (outcome == BULKHEAD_OK && is_open() && stop_->load(std::memory_order_relaxed) == BULKHEAD_STOP_CANCELLED) {
    return BULKHEAD_STOPPED;  // end_item() told it to give up the rest
  }
  if (outcome == BULKHEAD_OK && is_open()) {
    failure_ = {Phase::kRun,
                {},
                "the plugin returned without ending " + std::to_string(count_ - item_) + " of its " +
                    std::to_string(count_) + " items",
                {}};
    return BULKHEAD_TASK_FAILED;
  }
  return outcome;
}

bool Executor::make_state(Slot& slot, const CallHeader& header) {
  set_status(Phase::kInit, 0);
  SetupCall setup;
  setup.table().codec = header.codec;
  setup.table().deadline_ns = header.deadline_ns;
  setup.table().task_id = header.task_id;
  setup.table().attempt = header.attempt;
  std::int32_t outcome = BULKHEAD_INIT_FAILED;
  slot.state = nullptr;
  const bool has_returned =
      call_plugin([&] { outcome = slot.task->create(slot.host, &setup.table(), slot.task->user, &slot.state); });
  leave_if_forked();
  if (has_returned && outcome == BULKHEAD_OK) {
    slot.has_state = true;
    states_in_order_.push_back(&slot);
    return true;
  }
  slot.state = nullptr;
  failure_ = setup.take_failure();
  if (!has_returned) failure_.text = kEscapedText;
  return false;
}

std::string Executor::run_initializer(const InitializerRun& initializer) {
  Slot* const known = slot_of(initializer.task_index);
  if (known == nullptr) end_process("the host named an initializer that is not loaded");
  Slot& slot = *known;
  CallHeader header;
  header.codec = initializer.codec;
  header.deadline_ns = std::numeric_limits<std::int64_t>::max();
  header.task_id = call_.task_id = initializer.status_id;
  header.attempt = 1;
  header.payload_bytes = initializer.arguments.size();
  const auto items = items_of(header, initializer.arguments);
  if (slot.task->create != nullptr && !make_state(slot, header)) return failure_text(std::exchange(failure_, {}));
  set_status(Phase::kInit, 0);
  static constexpr std::uint32_t kNoStop = BULKHEAD_STOP_NO;
  DiscardedCall call(header, kNoStop);
  std::int32_t outcome = BULKHEAD_OK;
  const bool has_returned =
      call_plugin([&] { outcome = slot.task->invoke_batch(slot.state, &call.table(), items.data(), items.size(), 1); });
  leave_if_forked();
  return has_returned ? call.failure(outcome) : std::string(kEscapedText);
}

void Executor::end_remaining_items(std::int32_t outcome) {
  if (!is_open()) return;
  // One reason for all of them, while end_item() forgets it after each.
  const ErrorEnvelope reason = failure_;
  while (is_open()) {
    failure_ = reason;
    (void)end_item(outcome);
  }
}

void Executor::destroy_states() {
  for (auto slot = states_in_order_.rbegin(); slot != states_in_order_.rend(); ++slot) {
    if ((*slot)->task->destroy == nullptr) continue;
    // An exception that escapes leaves this state half destroyed, which nobody will see: the
    // process is about to end.
    (void)call_plugin([&] { (*slot)->task->destroy((*slot)->state); });
    leave_if_forked();
  }
  states_in_order_.clear();
}

void* Executor::reserve(std::size_t size) {
  leave_if_forked();
  if (!is_open()) return nullptr;
  run_room_ = 0;
  if (!writer_.has_room()) set_phase(Phase::kEncode);
  return writer_.reserve(size);
}

bool Executor::end_item(std::int32_t outcome) {
  leave_if_forked();
  if (!is_open()) return false;
  run_room_ = 0;
  set_phase(Phase::kPublish);
  if (!is_outcome(outcome)) {
    failure_ = {Phase::kRun, {}, "the plugin gave the unknown outcome " + std::to_string(outcome), {}};
    outcome = BULKHEAD_TASK_FAILED;
  }
  if (item_ + 1 == count_) {
    last_outcome_ = outcome;
    ++item_;
    return true;
  }
  publish_item(outcome, false, when_to_announce());
  ++item_;
  return begin_next_item();
}

// False: the host wants no more of them.
bool Executor::begin_next_item() {
  writer_.begin_item(call_.task_id, item_);
  if (is_timed_) begin_timed_item();
  set_status(Phase::kRun, item_);
  // relaxed: a wish, see HostChannel::set_stop().
  return stop_->load(std::memory_order_relaxed) != BULKHEAD_STOP_CANCELLED;
}

void* Executor::begin_run(std::size_t result_size, std::uint64_t& count) {
  leave_if_forked();
  run_room_ = 0;
  const std::uint64_t most = std::min(count, count_ - item_);
  if (!is_open() || most < 2 || result_size == 0 || result_size > kRunBytes / 2) return nullptr;
  // An item with a limit of its own has a clock of its own.
  constexpr auto kNone = std::numeric_limits<std::int64_t>::max();
  if (is_timed_ && (timing_.timeout_ns != kNone || last_deadline_ns_ != kNone)) return nullptr;
  const std::uint64_t wanted = std::min<std::uint64_t>(most, kRunBytes / result_size);
  auto* const room = static_cast<std::byte*>(writer_.reserve(wanted * result_size));
  if (room == nullptr) return nullptr;
  channel_.set_run(item_, {room, wanted * result_size});
  run_room_ = count = wanted;
  run_result_bytes_ = result_size;
  return room;
}

bool Executor::end_run(std::uint64_t count) {
  leave_if_forked();
  count = std::min(count, run_room_);
  run_room_ = 0;
  if (count == 0) return begin_next_item();
  writer_.commit(count * run_result_bytes_);
  if (is_timed_) tell_times(count);
  if (item_ + count == count_) {
    is_last_run_ = true;
    item_ = count_;
    return true;
  }
  publish_run(false, when_to_announce());
  item_ += count;
  return begin_next_item();
}

void Executor::publish_run(bool is_last, Announce announce) {
  writer_.publish_run(is_last, announce);
  channel_.clear_run();
}

// Of items that took so long together.
void Executor::tell_times(std::uint64_t items) {
  writer_.set_times(std::chrono::nanoseconds((now_ns() - started_ns_) / static_cast<std::int64_t>(items)),
                    std::chrono::nanoseconds(started_ns_ - timing_.submitted_ns));
}

// The item's clock starts; its limit is a point in time from now on.
void Executor::begin_timed_item() {
  started_ns_ = now_ns();
  call_.deadline_ns =
      timing_.timeout_ns < last_deadline_ns_ - started_ns_ ? started_ns_ + timing_.timeout_ns : last_deadline_ns_;
  channel_.set_started(started_ns_);
}

void Executor::publish_item(std::int32_t outcome, bool is_last, Announce announce) {
  if (!writer_.refusal().empty() && (outcome == BULKHEAD_OK || outcome == BULKHEAD_ENCODE_FAILED)) {
    // Whatever the plugin made of it: this is what happened.
    failure_.text = writer_.refusal();
    outcome = BULKHEAD_ENCODE_FAILED;
  }
  if (is_timed_) tell_times(1);
  if (outcome == BULKHEAD_OK) {
    writer_.publish_result(is_last, announce);
  } else {
    failure_.phase = phase_of(outcome);
    if (failure_.type.empty() && failure_.text.empty()) failure_.text = "the plugin gave no reason";
    writer_.publish_error(static_cast<std::uint8_t>(outcome), failure_, is_last, announce);
  }
  failure_.type.clear();
  failure_.text.clear();
  failure_.detail_json.clear();
}

Announce Executor::when_to_announce() {
  const auto now = Clock::now();
  const bool was_long = now - std::exchange(last_item_end_, now) >= kLongItem;
  if (!was_long && now - last_announcement_ < kAnnounceInterval) return Announce::kLater;
  last_announcement_ = now;
  return Announce::kNow;
}

void Executor::progress(std::uint64_t done, std::uint64_t total, std::string_view note) {
  leave_if_forked();
  // A result in the making would be overwritten; progress is dropped rather than queued.
  if (!is_open() || writer_.has_room()) return;
  const auto now = Clock::now();
  if (now - last_progress_ < kProgressInterval) return;
  last_progress_ = now;
  writer_.publish_progress(done, total, note);
}

}  // namespace

int run_tasks(ipc::WorkerChannel& channel, int control_fd, std::span<const TaskToRun> tasks) {
  try {
    return Executor(channel, control_fd, tasks).run();
  } catch (const std::exception& error) {
    // The channel or its doorbell broke.
    end_process(error.what());
  }
}

int run_tasks(ExecutorSetup& setup) {
  bool is_ready = false;
  try {
    Executor executor(setup.channel, setup.control_fd, setup.tasks);
    if (setup.initializer != nullptr) {
      if (auto error = executor.run_initializer(*setup.initializer); !error.empty()) {
        detail::raise<TaskError>(std::move(error));
      }
    }
    if (setup.is_put_back) executor.keep_process_state();
    is_ready = true;
    setup.say_ready();
    return executor.run();
  } catch (const std::exception& error) {
    if (!is_ready) throw;  // the start failed, and that is told
    // As above.
    end_process(error.what());
  }
}

}  // namespace bulkhead::worker
