// A scheduler over workers that are threads of this process, so that TSan sees both sides of every ring.
//
// A worker answers each item with the item's own bytes; see thread_workers' special items.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ipc/host_channel.hpp"
#include "ipc/worker_channel.hpp"
#include "pool/callback_executor.hpp"
#include "pool/scheduler.hpp"
#include "process/event_loop.hpp"
#include "protocol/record.hpp"

namespace bulkhead::pool::testing {

// Items with these values do something else than come back.
inline constexpr std::int64_t kBlock = -1;      // holds the worker until release_blocked()
inline constexpr std::int64_t kFail = -2;       // BULKHEAD_TASK_FAILED
inline constexpr std::int64_t kFailTwice = -4;  // BULKHEAD_TASK_FAILED until its third attempt
inline constexpr std::int64_t kDie = -3;        // the worker ends without an answer

class ThreadWorkers final : public SchedulerHost {
 public:
  explicit ThreadWorkers(std::uint32_t workers, std::uint32_t ring_bytes = 64u << 10,
                         Callbacks callbacks = Callbacks::kOwnThread, const SchedulerLimits& limits = {})
      : ring_bytes_(ring_bytes),
        log_(std::make_shared<support::Log>(support::LogLevel::kOff)),
        loop_(log_.get()),
        callbacks_(log_, callbacks),
        slots_(workers) {
    task_.name = "test.echo";
    task_.signature = detail::parse_signature("(i64)->i64");
    task_.fixed_argument_bytes = 8;
    scheduler_ = new Scheduler(workers, ring_bytes, *this, nullptr, limits);
    loop_.run_sync([this] {
      bell_ = loop_.watch(scheduler_->bells().pump().fd(), [this] {
        scheduler_->bells().pump().consume();
        scheduler_->pump_rang();
      });
      for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) start(slot);
    });
  }

  ~ThreadWorkers() override {
    release_blocked();
    scheduler_->close();
    // Closing tells the workers to leave once nothing is left.
    for (;;) {
      bool any = false;
      loop_.run_sync([&] {
        for (Slot& slot : slots_) any |= slot.thread.joinable();
      });
      if (!any) break;
      std::this_thread::yield();
    }
    loop_.run_sync([this] { scheduler_->detach(); });
    loop_.run_sync([this] {
      bell_.reset();
      recheck_.reset();
      timer_.reset();
    });
    loop_.stop();
    scheduler_->disown();
  }

  [[nodiscard]] Scheduler& scheduler() noexcept { return *scheduler_; }
  [[nodiscard]] CallbackExecutor& callbacks() noexcept { return callbacks_; }
  [[nodiscard]] const detail::TaskInfo& task() const noexcept { return task_; }

  [[nodiscard]] detail::CompletionRef submit(std::int64_t value, detail::VerdictCallback callback = {}) {
    return scheduler_->submit({.task = &task_, .stride = sizeof value, .bytes = std::as_bytes(std::span(&value, 1))},
                              std::move(callback));
  }
  [[nodiscard]] detail::CompletionRef submit(std::int64_t value, const detail::Terms& terms) {
    return scheduler_->submit(
        {.task = &task_, .stride = sizeof value, .bytes = std::as_bytes(std::span(&value, 1)), .terms = &terms}, {});
  }
  // At most so many at a time, from the next submission on.
  void set_max_running(std::uint32_t most) { task_.policy.max_running = most; }
  [[nodiscard]] detail::CompletionRef submit_chunk(const std::vector<std::int64_t>& values) {
    return scheduler_->submit({.task = &task_,
                               .count = static_cast<std::uint32_t>(values.size()),
                               .stride = sizeof(std::int64_t),
                               .bytes = std::as_bytes(std::span(values))},
                              {});
  }
  // Waits; nothing when the item failed.
  [[nodiscard]] static std::optional<std::int64_t> value_of(const detail::CompletionRef& call, std::size_t item = 0) {
    (void)detail::wait_until(*call, std::chrono::steady_clock::time_point::max());
    if (detail::item_error(*call, item)) return std::nullopt;
    std::int64_t value = 0;
    std::memcpy(&value, detail::item_bytes(*call, item).data(), sizeof value);
    return value;
  }

  // Whoever is held by kBlock goes on, and nobody is held any more.
  void release_blocked() {
    is_released_.store(true);
    is_released_.notify_all();
  }
  [[nodiscard]] int blocked() const { return blocked_.load(); }
  [[nodiscard]] int items_run() const { return items_run_.load(); }

  // From now on so many blocks cannot be sent.
  void refuse_blocks(int count) { refusals_.store(count); }
  // Workers that were condemned for that. Any other condemnation fails the test.
  [[nodiscard]] int condemned() const { return condemned_.load(); }
  // How often workers were asked to look what was sent.
  [[nodiscard]] int looks() const { return looks_.load(); }
  // The items, in the order in which they began.
  [[nodiscard]] std::vector<std::int64_t> order() const {
    const std::lock_guard lock(order_mutex_);
    return order_;
  }

 private:
  struct Slot {
    std::optional<ipc::HostChannel> channel;
    std::optional<ipc::WorkerChannel> worker;
    std::thread thread;
    std::uint64_t generation = 0;
  };

  void start(std::uint32_t number) {
    Slot& slot = slots_[number];
    ++slot.generation;
    slot.channel.emplace(ipc::HostChannel::create(
        {.request_ring_bytes = ring_bytes_, .response_ring_bytes = ring_bytes_}, ipc::make_doorbell_name()));
    const auto duplicate = [](int fd) { return support::UniqueFd(::dup(fd)); };
    ipc::WorkerChannel::Handles handles{.host_memory = duplicate(slot.channel->host_fd()),
                                        .worker_memory = duplicate(slot.channel->worker_fd()),
                                        .pool_page = duplicate(scheduler_->bells().page_fd()),
                                        .leader_bell = duplicate(scheduler_->bells().leader().fd()),
                                        .pump_bell = duplicate(scheduler_->bells().pump().fd()),
                                        .sizes = slot.channel->sizes(),
                                        .doorbell_name = slot.channel->doorbell_name(),
                                        .spin_pauses = 100};
    slot.worker.emplace(ipc::WorkerChannel::attach(std::move(handles)));
    slot.channel->unlink_doorbell();
    slot.thread = std::thread([this, number, &worker = *slot.worker] {
      run(worker);
      loop_.post([this, number] { ended(number); });
    });
    scheduler_->worker_ready(number, *slot.channel, slot.generation, 1000 + number);
  }

  void ended(std::uint32_t number) {
    Slot& slot = slots_[number];
    slot.thread.join();
    scheduler_->worker_ended(number, {.worker_pid = 1000 + number, .signal = 9}, "killed by the test");
    slot.worker.reset();
    slot.channel.reset();
    if (!scheduler_->is_finished()) start(number);
  }

  // The worker's loop, as small as it can be.
  void run(ipc::WorkerChannel& channel) {
    for (;;) {
      std::span<const std::byte> frame;
      const auto next = channel.next(frame);
      if (next == ipc::WorkerChannel::Next::kCorrupt || next == ipc::WorkerChannel::Next::kLeave) return;
      protocol::Refusal refusal;
      const auto call = protocol::read_call(frame, refusal);
      if (!call) return;
      const protocol::CallHeader header = call->header;
      if (next == ipc::WorkerChannel::Next::kRevoked) {
        channel.done();
        reply(channel, {.kind = protocol::ReplyKind::kSkipped, .task_id = header.task_id}, {});
        continue;
      }
      if (header.kind == protocol::CallKind::kShutdown) return channel.done();
      if (header.kind == protocol::CallKind::kTakeSent) {
        channel.done();
        looks_.fetch_add(1);
        continue;
      }
      const auto payload =
          (header.flags & protocol::kInBlock) != 0 ? block(header.block_id).first(header.payload_bytes) : call->payload;
      std::vector<std::byte> items(payload.begin(), payload.end());
      for (std::uint32_t i = 0; i < header.count; ++i) {
        std::int64_t value = 0;
        std::memcpy(&value, items.data() + i * sizeof value, sizeof value);
        items_run_.fetch_add(1);
        {
          const std::lock_guard lock(order_mutex_);
          order_.push_back(value);
        }
        if (value == kDie) return;
        if (value == kBlock) {
          blocked_.fetch_add(1);
          is_released_.wait(false);
        }
        const bool is_last = i + 1 == header.count;
        if (is_last) channel.done();
        reply(channel,
              {.kind = protocol::ReplyKind::kItem,
               .outcome =
                   static_cast<std::uint8_t>(value == kFail || (value == kFailTwice && header.attempt < 3) ? 1 : 0),
               .flags = static_cast<std::uint8_t>(is_last ? protocol::kLast : 0),
               .task_id = header.task_id,
               .index = i},
              std::as_bytes(std::span(&value, 1)));
      }
    }
  }

  [[nodiscard]] std::span<const std::byte> block(std::uint32_t id) const {
    const std::lock_guard lock(blocks_mutex_);
    return blocks_.at(id);
  }

  static void reply(ipc::WorkerChannel& channel, protocol::ReplyHeader header, std::span<const std::byte> payload) {
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    const auto room = channel.reserve(sizeof header + payload.size());
    protocol::write_record(room, header, payload);
    channel.publish(sizeof header + payload.size());
  }

  void condemn(std::uint32_t slot, const std::string& why) override {
    EXPECT_EQ(why, "messages do not come through to it");
    condemned_.fetch_add(1);
    slots_[slot].worker->leave();
  }
  bool send_block(std::uint32_t, const ipc::SharedBlock& sent, bool) override {
    if (refusals_.load() > 0) {
      refusals_.fetch_sub(1);
      return false;
    }
    const std::lock_guard lock(blocks_mutex_);
    blocks_.insert_or_assign(sent.id(), sent.bytes());
    return true;
  }
  bool grant_known_block(std::uint32_t, const ipc::SharedBlock&) override { return false; }
  bool send_shared(std::uint32_t, const sdk::SharedRef&) override { return false; }
  void arrays_gone() override {}
  void refuse_block(std::uint32_t) override {}
  [[nodiscard]] bool make_result_block(std::uint32_t, std::uint64_t, std::uint64_t) override { return true; }
  void run_callback(std::unique_ptr<Callback> callback) noexcept override {
    callbacks_.queue()->post(std::move(callback));
  }
  void prepare_callbacks() override { callbacks_.start(); }
  std::shared_ptr<CallbackQueue> callback_queue() override { return callbacks_.queue(); }
  void schedule_recheck() override {
    recheck_ = loop_.at(support::Deadline::after(std::chrono::milliseconds(1)), [this] { scheduler_->recheck(); });
  }
  bool end_worker(std::uint32_t) override { return false; }
  void arm_timer(std::chrono::steady_clock::time_point when) override {
    timer_ = loop_.at(support::Deadline::at(when), [this] { scheduler_->timers_due(); });
  }
  void wake_resting() override {}
  void all_work_done() override {}
  void memory_ran_out() noexcept override {}

  const std::uint32_t ring_bytes_;
  detail::TaskInfo task_;
  std::shared_ptr<support::Log> log_;
  process::EventLoop loop_;
  CallbackExecutor callbacks_;
  Scheduler* scheduler_ = nullptr;
  std::vector<Slot> slots_;  // pump thread
  process::EventLoop::Watch bell_;
  process::EventLoop::Timer recheck_;
  process::EventLoop::Timer timer_;
  mutable std::mutex blocks_mutex_;
  std::map<std::uint32_t, std::span<const std::byte>> blocks_;  // that were sent, to whichever worker
  mutable std::mutex order_mutex_;
  std::vector<std::int64_t> order_;
  std::atomic<bool> is_released_{false};
  std::atomic<int> blocked_{0};
  std::atomic<int> items_run_{0};
  std::atomic<int> refusals_{0};
  std::atomic<int> condemned_{0};
  std::atomic<int> looks_{0};
};

}  // namespace bulkhead::pool::testing
