#include "pool/local_backend.hpp"

#include <signal.h>

#include <algorithm>

#include "bulkhead/error.hpp"
#include "ipc/spin.hpp"
#include "worker/executor.hpp"

namespace bulkhead::pool {

namespace {

// After the loss of a warden, which says nothing about the plugins.
constexpr std::chrono::nanoseconds kFirstBackOff = std::chrono::milliseconds(10);
// Between attempts to get more workers while there are some.
constexpr std::chrono::nanoseconds kDegradedPause = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds kShortLife = std::chrono::seconds(1);
// How long a worker that was told to leave may take before it is killed.
constexpr std::chrono::nanoseconds kLeavingGrace = std::chrono::seconds(5);
// How long the destructor waits to see the killed workers gone.
constexpr std::chrono::nanoseconds kKilledGrace = std::chrono::seconds(2);

std::uint64_t next_serial() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // relaxed: only unique
}

std::vector<std::string> names_of(const std::vector<process::PluginToLoad>& plugins) {
  std::vector<std::string> names;
  for (const auto& plugin : plugins) names.push_back(plugin.name);
  return names;
}

}  // namespace

LocalBackend::LocalBackend(Services& services, std::shared_ptr<const TaskDirectory> directory, Settings settings,
                           std::shared_ptr<void> keep_alive)
    : Backend(Scheduler::largest_in_ring(settings.ring_bytes)),
      services_(services),
      keep_alive_(std::move(keep_alive)),
      serial_(next_serial()),
      directory_(std::move(directory)),
      settings_(std::move(settings)),
      output_(services_.log, services_.on_worker_line, directory_),
      scheduler_(new Scheduler(settings_.workers, settings_.ring_bytes, *this, directory_, settings_.limits)),
      target_(settings_.workers),
      slots_(settings_.workers),
      circuits_(names_of(settings_.plugins)) {
  auto config = std::make_shared<process::WorkerConfig>();
  config->plugins = settings_.plugins;
  for (std::size_t i = 0; i < config->plugins.size(); ++i) {
    config->plugins[i].task_count = static_cast<std::uint32_t>(directory_->catalogue().plugins()[i].tasks.size());
  }
  config->initializer = settings_.initializer;
  config->start_method = settings_.start_method;
  config->ring_sizes = {.request_ring_bytes = settings_.ring_bytes, .response_ring_bytes = settings_.ring_bytes};
  config->spin_pauses = ipc::spin_budget(ipc::usable_cpus(), settings_.workers).worker_pauses;
  config->pool_page_fd = scheduler_->bells().page_fd();
  config->leader_bell_fd = scheduler_->bells().leader().fd();
  config->pump_bell_fd = scheduler_->bells().pump().fd();
  config->init_limit = settings_.init_limit;
  config->captures_output = services_.captures_output;
  config->is_put_back = settings_.hygiene == Hygiene::kStrict;
  config_ = std::move(config);
  try {
    services_.loop->run_sync([this] {
      bell_ = services_.loop->watch(scheduler_->bells().pump().fd(), [this] {
        scheduler_->bells().pump().consume();
        scheduler_->pump_rang();
      });
      memory_watch_.emplace(*services_.loop, [this] { out_of_memory(); });
      for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) start_worker(slot);
      has_started_first_ = true;
      start_sampling();
    });
  } catch (...) {
    services_.loop->run_sync([this] {
      memory_timer_.reset();
      rest_timer_.reset();
      slots_.clear();
      bell_.reset();
      memory_watch_.reset();
    });
    scheduler_->detach();
    throw;
  }
}

LocalBackend::~LocalBackend() {
  terminate();
  if (!services_.loop->is_loop_thread()) {
    std::unique_lock lock(ended_mutex_);
    ended_.wait_for(lock, kKilledGrace, [this] { return open_slots_ == 0; });
  }
  // First nothing new is posted for the pump thread; then what was posted before has run.
  services_.loop->run_sync([this] { scheduler_->detach(); });
  services_.loop->run_sync([this] {
    memory_watch_.reset();
    bell_.reset();
    grace_.reset();
    recheck_.reset();
    call_timer_.reset();
    memory_timer_.reset();
    rest_timer_.reset();
    slots_.clear();
    templates_.clear();
  });
}

const detail::TaskInfo& LocalBackend::find_task(std::string_view name) { return directory_->at(name); }

detail::CompletionRef LocalBackend::submit(const detail::Submission& submission, detail::VerdictCallback callback) {
  return scheduler_->submit(submission, std::move(callback));
}
detail::CompletionRef LocalBackend::begin_map(const detail::TaskInfo& task, detail::VerdictCallback callback) {
  return scheduler_->begin_map(task, std::move(callback));
}
void LocalBackend::add_chunk(detail::Completion& map, const detail::Submission& submission) {
  scheduler_->add_chunk(static_cast<Map&>(map), submission);
}
void LocalBackend::seal_map(detail::Completion& map) { scheduler_->seal_map(static_cast<Map&>(map)); }
void LocalBackend::abandon_map(detail::Completion& map) noexcept { scheduler_->abandon_map(static_cast<Map&>(map)); }

PoolStats LocalBackend::stats() {
  scheduler_->refuse_forked_copy();
  return scheduler_->stats();
}

DrainReport LocalBackend::drain(std::chrono::steady_clock::time_point until, std::chrono::nanoseconds soft_grace) {
  DrainReport report = scheduler_->drain(until, soft_grace);
  join();
  return report;
}

void LocalBackend::close() { scheduler_->close(); }

void LocalBackend::terminate() {
  scheduler_->fail_all(ErrorCode::kPoolClosed, "the pool was terminated before this task had a result");
  services_.loop->run_sync([this] { end_workers(std::chrono::nanoseconds::zero()); });
}

void LocalBackend::join() {
  scheduler_->refuse_forked_copy();
  if (!scheduler_->is_closed()) {
    detail::raise<UsageError, std::logic_error>("join() was called before close() or terminate()");
  }
  {
    std::unique_lock lock(ended_mutex_);
    // All workers may have left for want of work, and one may have to come back for the last task.
    ended_.wait(lock, [this] { return open_slots_ == 0 && scheduler_->is_finished(); });
  }
  // The pump thread may be at the last worker's end: the letter it keeps of it is there when this returns.
  services_.loop->run_sync([] {});
  services_.callbacks->flush();
}

// Workers that are ready were told to leave; the others never had work. Who is still there after `grace` is killed.
void LocalBackend::end_workers(std::chrono::nanoseconds grace) {
  is_ending_ = true;
  for (Slot& slot : slots_) {
    if (slot.process) {
      if (grace == std::chrono::nanoseconds::zero() || !slot.process->is_ready()) slot.process->kill(SIGKILL);
    } else if (slot.generation != 0) {  // waits to be started
      slot.restart.reset();
      slot.generation = 0;
      slot_is_empty();
    }
  }
  if (grace > std::chrono::nanoseconds::zero()) {
    grace_ = services_.loop->at(support::Deadline::after(grace), [this] {
      for (Slot& slot : slots_) {
        if (slot.process) slot.process->condemn("it did not leave when the pool was closed");
      }
    });
  }
  const std::lock_guard lock(ended_mutex_);
  ended_.notify_all();
}

// Whatever was half done on this thread: no worker is trusted to be in a state that its slot knows.
void LocalBackend::out_of_memory() noexcept {
  scheduler_->out_of_memory();
  is_ending_ = true;
  for (Slot& slot : slots_) {
    slot.restart.reset();
    slot.kill.reset();
    slot.process.reset();  // this kills it
    slot.generation = 0;
  }
  const std::lock_guard lock(ended_mutex_);
  open_slots_ = 0;
  ended_.notify_all();
}

void LocalBackend::slot_is_empty() {
  if (is_ending_ && open_slots_ == 1) retire_template();  // changed on this thread only
  const std::lock_guard lock(ended_mutex_);
  if (--open_slots_ == 0) ended_.notify_all();
}

void LocalBackend::start_sampling() {
  if (can_kill() && settings_.limits.max_rss != std::numeric_limits<std::uint64_t>::max()) sample_memory();
  if (settings_.idle_timeout != std::chrono::nanoseconds::max()) rest_idle();
}

void LocalBackend::start_worker(std::uint32_t slot) {
  Slot& place = slots_[slot];
  if (place.generation == 0) {
    const std::lock_guard lock(ended_mutex_);
    ++open_slots_;
  }
  ++place.generation;
  place.config = config_;
  place.process = process::make_worker(*services_.loop, *services_.warden, *services_.log, config_, slot,
                                       place.generation, *this, template_for_start());
  place.process->start();
}

void LocalBackend::worker_ready(process::Worker& worker) {
  circuits_.note_ready();
  slots_[worker.slot()].ready_since = std::chrono::steady_clock::now();
  scheduler_->worker_ready(worker.slot(), worker.channel(), worker.generation(), worker.pid());
  make_wanted_template();
}

void LocalBackend::worker_wrote(process::Worker& worker, const protocol::OutputLine& line) {
  output_.add(worker.slot(), worker.pid(), line);
}

void LocalBackend::worker_gave_shared(process::Worker& worker, const protocol::SharedMessage& message,
                                      support::UniqueFd fd) {
  bool is_taken = false;
  try {
    auto memory = sdk::SharedMemory::adopt(fd.release(), message.size, message.writable);
    is_taken = scheduler_->give_array(worker.slot(), worker.generation(), message, std::move(memory));
    if (!is_taken) {
      services_.log->warn("worker " + std::to_string(worker.slot()) +
                          " has more shared arrays in a result than are taken");
    }
  } catch (const std::exception& error) {
    services_.log->warn("worker " + std::to_string(worker.slot()) + " has a result that is refused: " + error.what());
  }
  // It waits for this, and would for ever.
  if (!worker.answer_shared(is_taken)) worker.condemn("it does not read its control socket");
}

void LocalBackend::worker_ended(process::Worker& worker, const process::ExitReason& reason) {
  const std::uint32_t slot = worker.slot();
  Slot& place = slots_[slot];
  const std::string how = process::describe(reason);  // the process object goes below, and the reason may with it
  const std::string why = reason.text;
  const bool was_ready = reason.was_ready;
  const bool was_lost_with_warden = !reason.known && reason.is_unexplained;
  const bool was_killed = reason.is_unexplained && reason.signal == SIGKILL;
  // No status: it could not be forked, or never said a word. That may be the machine's trouble of the moment.
  const StartFault fault = was_killed          ? StartFault::kKilled
                           : reason.is_late    ? StartFault::kLate
                           : reason.is_cut_off ? StartFault::kCutOff
                           : !reason.known     ? StartFault::kKilled
                                               : StartFault::kFailed;
  const std::optional<std::size_t> plugin = reason.plugin;
  const bool was_idle = reason.phase == Phase::kIdle;
  const bool was_clean = reason.known && reason.exit_code == 0;
  const bool was_changed = was_ready && was_idle && reason.known && reason.exit_code == worker::kExitChanged;
  const auto lived = std::chrono::steady_clock::now() - place.ready_since;
  auto ending = Scheduler::Ending::kUnexpected;
  if (was_ready) {
    WorkerLost::Info lost;
    lost.worker_pid = worker.pid();
    lost.signal = reason.signal;
    lost.exit_code = reason.exit_code;
    lost.core_dumped = reason.core_dumped;
    lost.phase = reason.phase;
    lost.detail = reason.text;
    lost.terminate_text = reason.crash.terminate_text;
    lost.backtrace = reason.crash.backtrace;
    lost.last_output = reason.crash.last_output;
    lost.user_time = reason.user_time;
    lost.system_time = reason.system_time;
    lost.max_rss_bytes = reason.max_rss_bytes;
    lost.oom_hint = reason.oom_hint;
    ending = scheduler_->worker_ended(slot, lost, how);
  }
  place.kill.reset();
  place.process.reset();
  if (is_ending_ || place.is_retired || place.is_resting || scheduler_->is_finished()) {
    place.generation = 0;
    slot_is_empty();
    if (place.is_resting) count_resting();
    return;
  }
  if (ending == Scheduler::Ending::kDoomed || (ending == Scheduler::Ending::kToldTo && was_clean)) {
    return try_start_worker(slot);
  }
  if (was_changed) {
    services_.log->info("worker " + std::to_string(slot) + " leaves and is replaced: " + why);
    return try_start_worker(slot);
  }
  if (!was_ready && was_lost_with_warden) {
    // The warden was lost at the same time: that says nothing about the plugins.
    return restart_after(slot, kFirstBackOff);
  }
  if (!was_ready) return note_start_failure(slot, plugin, how, fault);
  services_.log->warn("worker " + std::to_string(slot) + " ended and is replaced: " + how);
  // One that ends by itself as soon as it is ready must not be started in a loop.
  if (was_idle && lived < kShortLife) {
    using Use = PluginCircuits::Use;
    const Use use = ending == Scheduler::Ending::kUseless   ? Use::kNone
                    : ending == Scheduler::Ending::kUnasked ? Use::kUnasked
                                                            : Use::kSome;
    return go_on(slot, circuits_.note_idle_crash(was_killed ? std::nullopt : plugin, how, use));
  }
  circuits_.note_steady();
  try_start_worker(slot);
}

void LocalBackend::try_start_worker(std::uint32_t slot) {
  try {
    start_worker(slot);
  } catch (const Error& error) {
    note_start_failure(slot, std::nullopt, error.what(), StartFault::kFailed);
  } catch (const std::bad_alloc&) {
    slots_[slot].process.reset();
    note_start_failure(slot, std::nullopt, "the host has no memory for it", StartFault::kFailed);
  }
}

void LocalBackend::restart_after(std::uint32_t slot, std::chrono::nanoseconds pause) {
  if (pause == std::chrono::nanoseconds::zero()) return try_start_worker(slot);
  slots_[slot].restart = services_.loop->at(support::Deadline::after(pause), [this, slot] { try_start_worker(slot); });
}

void LocalBackend::note_start_failure(std::uint32_t slot, std::optional<std::size_t> plugin, const std::string& cause,
                                      StartFault fault) {
  services_.log->warn("worker " + std::to_string(slot) + " did not get ready: " + cause);
  // What was started before the circuit opened says nothing new.
  if (plugin && config_->plugins[*plugin].is_left_out) return try_start_worker(slot);
  go_on(slot, circuits_.note_failed_start(plugin, cause, fault));
}

// The worker in this slot has ended.
void LocalBackend::go_on(std::uint32_t slot, const PluginCircuits::Step& step) {
  using What = PluginCircuits::Step::What;
  if (step.what == What::kGiveUp) {
    const bool has_worker = std::any_of(slots_.begin(), slots_.end(),
                                        [](const Slot& other) { return other.process && other.process->is_ready(); });
    // With fewer workers the pool goes on, and tries again.
    if (has_worker) return restart_after(slot, kDegradedPause);
    return give_up(slot, step.text);
  }
  if (step.what == What::kOpenCircuit) {
    if (runs_initializer(step.plugin)) {
      return give_up(slot, "the initializer \"" + config_->initializer->task + "\" cannot run: " + step.text);
    }
    leave_out(step.plugin, step.text);
  }
  restart_after(slot, step.pause);
}

void LocalBackend::give_up(std::uint32_t slot, const std::string& why) {
  slots_[slot].generation = 0;
  slot_is_empty();
  services_.log->error("a pool is broken: " + why);
  scheduler_->fail_all(ErrorCode::kPoolBroken, why);
  end_workers(std::chrono::nanoseconds::zero());
}

void LocalBackend::condemn(std::uint32_t slot, const std::string& why) { slots_[slot].process->condemn(why); }

bool LocalBackend::send_block(std::uint32_t slot, const ipc::SharedBlock& block, bool writable) {
  return slots_[slot].process->send_block(block.id(), block, writable);
}

bool LocalBackend::grant_known_block(std::uint32_t slot, const ipc::SharedBlock& block) {
  return slots_[slot].process->grant_known_block(block.id(), block.size(), true);
}

bool LocalBackend::send_shared(std::uint32_t slot, const sdk::SharedRef& array) {
  return slots_[slot].process->send_shared({array.id, array.bytes, array.is_writable}, array.fd);
}

void LocalBackend::arrays_gone() {
  services_.loop->post([this] { scheduler_->drop_gone_arrays(); });
}

void LocalBackend::refuse_block(std::uint32_t slot) {
  if (slots_[slot].process->refuse_block()) return;
  // It waits for a word. If it is not ending already, it must.
  slots_[slot].process->condemn("out of memory");  // short: it takes none
}

bool LocalBackend::make_result_block(std::uint32_t slot, std::uint64_t generation, std::uint64_t bytes) try {
  services_.loop->post([this, slot, generation, bytes] {
    try {
      const std::uint32_t id = next_block_id_++ | 1u << 31;
      scheduler_->give_result_block(
          slot, generation,
          std::make_shared<const ipc::SharedBlock>(ipc::SharedBlock::create(bytes, ipc::Writer::kWorker, id)));
    } catch (const Error& error) {
      scheduler_->refuse_result_block(slot, generation);
      services_.log->warn(std::string("no memory for a result: ") + error.what());
    } catch (const std::bad_alloc&) {
      scheduler_->refuse_result_block(slot, generation);
      services_.log->warn("no memory for a result");
    }
  });
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void LocalBackend::run_callback(std::unique_ptr<Callback> callback) noexcept {
  services_.callbacks->queue()->post(std::move(callback));
}

void LocalBackend::prepare_callbacks() { services_.callbacks->start(); }

void LocalBackend::schedule_recheck() {
  recheck_ =
      services_.loop->at(support::Deadline::after(std::chrono::milliseconds(1)), [this] { scheduler_->recheck(); });
}

bool LocalBackend::end_worker(std::uint32_t slot) {
  if (!can_kill()) return false;
  process::Worker& worker = *slots_[slot].process;
  worker.kill(SIGTERM);
  const std::uint64_t generation = worker.generation();
  services_.loop->post([this, slot, generation] {
    Slot& place = slots_[slot];
    if (!place.process || place.generation != generation) return;  // it has ended
    place.kill = services_.loop->at(support::Deadline::after(settings_.kill_grace), [this, slot, generation] {
      if (slots_[slot].process && slots_[slot].generation == generation) slots_[slot].process->kill(SIGKILL);
    });
  });
  return true;
}

void LocalBackend::arm_timer(std::chrono::steady_clock::time_point when) {
  call_timer_ = services_.loop->at(support::Deadline::at(when), [this] { scheduler_->timers_due(); });
}

std::string LocalBackend::plugin_file(const detail::TaskInfo& task) const {
  return settings_.plugins[directory_->catalogue().tasks()[task.index]->plugin_index].shown_path;
}

void LocalBackend::log_error(std::string text) {
  services_.loop->post([log = services_.log, text = std::move(text)] { log->error(text); });
}

void LocalBackend::all_work_done() {
  services_.loop->post([this] {
    if (scheduler_->is_finished()) end_workers(kLeavingGrace);  // else it was revived meanwhile
  });
}

}  // namespace bulkhead::pool
