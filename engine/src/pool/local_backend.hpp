// The backend that runs tasks in worker processes of this machine: joins scheduler and processes, and keeps the number
// of workers up.
//
// A worker that ends is replaced at once; one that never got ready, after a back-off. When five in a row do not get
// ready (twenty, if they were killed from outside) because of a plugin, workers do without it from then on, and its tasks
// get PluginError with the first cause. When it is no plugin's fault, or none is left, the pool is broken: every task
// gets PoolBroken. See plugin_circuits.hpp, revival.cpp.
//
// Ownership: owns scheduler reference and processes; shares the engine's services.
// Threads:   Backend's members from any; the rest on the pump thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "ipc/block.hpp"
#include "pool/callback_executor.hpp"
#include "pool/output_log.hpp"
#include "pool/plugin_circuits.hpp"
#include "pool/scheduler.hpp"
#include "pool/task_directory.hpp"
#include "process/event_loop.hpp"
#include "process/warden_client.hpp"
#include "process/worker.hpp"
#include "support/logging.hpp"

namespace bulkhead::pool {

// What all pools of one engine share. Destroyed in reverse order.
struct Services {
  std::shared_ptr<support::Log> log;
  std::unique_ptr<process::EventLoop> loop;
  std::unique_ptr<process::Warden> warden;
  std::unique_ptr<CallbackExecutor> callbacks;
  OutputLog::OnLine on_worker_line;  // empty: workers' lines go into the log
  bool captures_output = true;
};

class LocalBackend final : public detail::Backend, private SchedulerHost, public process::Worker::Listener {
 public:
  static constexpr int kMostWorkers = 4096;

  struct Settings {
    std::uint32_t workers = 1;
    process::StartMethod start_method = process::StartMethod::kForkserver;
    std::chrono::nanoseconds init_limit = std::chrono::seconds(8);
    std::uint32_t ring_bytes = ipc::ChannelSizes{}.request_ring_bytes;
    std::vector<process::PluginToLoad> plugins;  // in the order of the directory
    SchedulerLimits limits;
    std::chrono::nanoseconds kill_grace = std::chrono::seconds(2);
    std::chrono::nanoseconds idle_timeout = std::chrono::nanoseconds::max();
    std::uint64_t min_workers = 1;
    std::shared_ptr<const process::Initializer> initializer = {};
    std::string dead_letters = {};  // a folder; empty: none are kept
    std::uint64_t max_dead_letters = 100;
    std::string manifest = {};  // its path, for them
    bool preload = true;
    Hygiene hygiene = Hygiene::kNone;
  };

  // Starts the workers. Throws ResourceError; nothing is left behind then. `keep_alive` is whatever `services`, the
  // directory and the plugins' descriptors belong to.
  LocalBackend(Services& services, std::shared_ptr<const TaskDirectory> directory, Settings settings,
               std::shared_ptr<void> keep_alive);
  ~LocalBackend() override;

  [[nodiscard]] std::uint64_t serial() const noexcept override { return serial_; }
  [[nodiscard]] const detail::TaskInfo& find_task(std::string_view name) override;
  // relaxed: a number for chunk sizes.
  [[nodiscard]] std::size_t worker_count() const noexcept override { return target_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool items_travel_alone() const noexcept override { return settings_.hygiene == Hygiene::kStrict; }
  [[nodiscard]] std::unique_ptr<detail::LentMemory> lend(std::size_t needed, std::size_t wanted) override {
    return scheduler_->lend(needed, wanted);
  }
  [[nodiscard]] detail::CompletionRef submit(const detail::Submission& submission,
                                             detail::VerdictCallback callback) override;
  [[nodiscard]] detail::CompletionRef begin_map(const detail::TaskInfo& task,
                                                detail::VerdictCallback callback) override;
  void add_chunk(detail::Completion& map, const detail::Submission& submission) override;
  void seal_map(detail::Completion& map) override;
  void abandon_map(detail::Completion& map) noexcept override;
  [[nodiscard]] bool is_forked_copy() const noexcept override { return scheduler_->is_forked_copy(); }
  void resize(int processes) override;
  [[nodiscard]] PoolStats stats() override;
  [[nodiscard]] DrainReport drain(std::chrono::steady_clock::time_point until,
                                  std::chrono::nanoseconds soft_grace) override;
  void close() override;
  void terminate() override;
  void join() override;
  void revive() override;

 private:
  struct Slot {
    std::unique_ptr<process::Worker> process;
    std::shared_ptr<const process::WorkerConfig> config;  // it was started with
    process::EventLoop::Timer restart;
    std::uint64_t generation = 0;
    std::chrono::steady_clock::time_point ready_since{};
    process::EventLoop::Timer kill;  // SIGKILL after SIGTERM
    bool is_retired = false;         // by resize()
    bool is_resting = false;         // left because there was nothing to do
  };

  // SchedulerHost: under the scheduler's lock, any thread. Slots of ready workers do not change meanwhile.
  void condemn(std::uint32_t slot, const std::string& why) override;
  [[nodiscard]] bool end_worker(std::uint32_t slot) override;
  bool send_block(std::uint32_t slot, const ipc::SharedBlock& block, bool writable) override;
  bool grant_known_block(std::uint32_t slot, const ipc::SharedBlock& block) override;
  bool send_shared(std::uint32_t slot, const sdk::SharedRef& array) override;
  void arrays_gone() override;
  void refuse_block(std::uint32_t slot) override;
  [[nodiscard]] bool make_result_block(std::uint32_t slot, std::uint64_t generation, std::uint64_t bytes) override;
  void run_callback(std::unique_ptr<Callback> callback) noexcept override;
  void prepare_callbacks() override;
  [[nodiscard]] std::shared_ptr<CallbackQueue> callback_queue() override { return services_.callbacks->queue(); }
  void schedule_recheck() override;
  void arm_timer(std::chrono::steady_clock::time_point when) override;
  void wake_resting() override;
  void keep_dead_letter(LostAttempt lost) override;
  [[nodiscard]] std::string plugin_file(const detail::TaskInfo& task) const override;
  void log_error(std::string text) override;
  void all_work_done() override;
  void memory_ran_out() noexcept override { services_.loop->out_of_memory(); }

  void worker_ready(process::Worker& worker) override;
  void worker_wrote(process::Worker& worker, const protocol::OutputLine& line) override;
  void worker_gave_shared(process::Worker& worker, const protocol::SharedMessage& message,
                          support::UniqueFd fd) override;
  void worker_ended(process::Worker& worker, const process::ExitReason& reason) override;
  void start_worker(std::uint32_t slot);
  void try_start_worker(std::uint32_t slot);
  [[nodiscard]] std::shared_ptr<process::Template> template_for_start();
  [[nodiscard]] bool has_preloadable() const noexcept;
  void make_wanted_template() noexcept;
  void retire_template();
  void drop_templates() noexcept;
  void restart_after(std::uint32_t slot, std::chrono::nanoseconds pause);
  void note_start_failure(std::uint32_t slot, std::optional<std::size_t> plugin, const std::string& cause,
                          StartFault fault);
  void go_on(std::uint32_t slot, const PluginCircuits::Step& step);
  void give_up(std::uint32_t slot, const std::string& why);
  [[nodiscard]] TaskRange tasks_of(std::size_t plugin) const noexcept;
  [[nodiscard]] bool runs_initializer(std::size_t plugin) const noexcept;
  void leave_out(std::size_t plugin, const std::string& why);
  void revive_on_loop();
  void start_sampling();
  void slot_is_empty();
  void out_of_memory() noexcept;
  void end_workers(std::chrono::nanoseconds grace);
  void resize_on_loop(std::uint32_t workers);
  // A thread cannot be.
  [[nodiscard]] bool can_kill() const noexcept { return settings_.start_method != StartMethod::kThread; }
  void sample_memory();
  void rest_idle();
  void wake_resting_on_loop();
  void count_resting();

  Services& services_;
  const std::shared_ptr<void> keep_alive_;
  const std::uint64_t serial_;
  const std::shared_ptr<const TaskDirectory> directory_;
  const Settings settings_;
  const OutputLog output_;
  std::shared_ptr<const process::WorkerConfig> config_;  // of workers to come; changed on the pump thread
  struct Release {
    void operator()(Scheduler* scheduler) const noexcept { scheduler->disown(); }
  };
  const std::unique_ptr<Scheduler, Release> scheduler_;
  std::atomic<std::uint32_t> target_;  // workers wanted; changed on the pump thread

  // Pump thread.
  std::deque<Slot> slots_;  // only grows
  process::EventLoop::Timer call_timer_;
  process::EventLoop::Timer memory_timer_;
  process::EventLoop::Timer rest_timer_;
  process::EventLoop::Watch bell_;
  std::optional<process::EventLoop::MemoryWatch> memory_watch_;
  process::EventLoop::Timer recheck_;
  process::EventLoop::Timer grace_;
  PluginCircuits circuits_;
  process::Template* template_ = nullptr;  // the one for workers that start now; nullptr: none is asked for
  // It, and those whose workers live on. Emptied only by drop_templates(): a worker's end may be told by its template.
  std::vector<std::shared_ptr<process::Template>> templates_;
  std::vector<std::size_t> not_preloaded_;  // plugins that cannot be
  std::uint32_t templates_lost_ = 0;
  bool is_template_wanted_ = false;
  bool has_started_first_ = false;          // the workers that the pool began with
  bool is_ending_ = false;                  // nobody is replaced any more
  std::uint32_t next_block_id_ = 1u << 31;  // the upper half: the scheduler's are below

  std::mutex ended_mutex_;
  std::condition_variable ended_;
  std::uint32_t open_slots_ = 0;  // with a process, or waiting to get one
};

}  // namespace bulkhead::pool
