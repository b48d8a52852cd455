#include "process/worker_process.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "bulkhead/error.hpp"
#include "process/worker_status.hpp"
#include "protocol/control.hpp"
#include "support/duration_text.hpp"
#include "support/logging.hpp"

namespace bulkhead::process {

using support::Deadline;

WorkerProcess::WorkerProcess(EventLoop& loop, Warden& warden, support::Log& log,
                             std::shared_ptr<const WorkerConfig> config, std::uint32_t slot, std::uint64_t generation,
                             Worker::Listener& listener, std::shared_ptr<Template> from)
    : loop_(loop),
      warden_(warden),
      log_(log),
      config_(std::move(config)),
      slot_(slot),
      generation_(generation),
      listener_(listener),
      doorbell_name_(warden, ipc::make_doorbell_name()),
      channel_(ipc::HostChannel::create(config_->ring_sizes, doorbell_name_.name())),
      process_(loop, warden, Warden::Mode::kWorker, config_->start_method, *this, std::move(from)) {
  if (!config_->captures_output) return;
  output_.emplace(loop, log, slot, [this](const protocol::OutputLine& line) { listener_.worker_wrote(*this, line); });
}

WorkerProcess::~WorkerProcess() { drop_name(); }

void WorkerProcess::drop_name() noexcept {
  channel_.unlink_doorbell();
  doorbell_name_.forget();
}

void WorkerProcess::start() {
  limit_ = loop_.at(Deadline::after(config_->handshake_limit), [this] {
    std::string why = "it did not attach to its channel within " + support::duration_text(config_->handshake_limit);
    if (const std::string trouble = process_.trouble(); !trouble.empty()) {
      why += ": " + trouble;
      is_cut_off_ = true;
    }
    process_.give_up(std::move(why));
  });
  process_.start();
}

void WorkerProcess::said_hello() {
  try {
    send_attach();
  } catch (const Error& error) {
    process_.give_up(error.what());
  } catch (const std::bad_alloc&) {
    process_.give_up("no memory");
  }
}

void WorkerProcess::send_attach() {
  const auto sizes = channel_.sizes();
  const protocol::Attach attach{
      .request_ring_bytes = sizes.request_ring_bytes,
      .response_ring_bytes = sizes.response_ring_bytes,
      .spin_pauses = config_->spin_pauses,
      .plugin_count = static_cast<std::uint32_t>(config_->plugins.size()),
      .has_initializer = config_->initializer != nullptr,
      .captures_output = output_.has_value(),
      .is_put_back = config_->is_put_back,
      .doorbell_name = doorbell_name_.name(),
  };
  process_.send(protocol::encode(attach),
                std::array{channel_.host_fd(), channel_.worker_fd(), config_->pool_page_fd, config_->leader_bell_fd,
                           config_->pump_bell_fd, warden_.host_pidfd()});
  if (output_) {
    process_.send(protocol::encode(protocol::CaptureMessage{}), std::array{output_->reader_fd(), output_->writer_fd()});
  }
  for (const auto& plugin : config_->plugins) {
    if (plugin.config_json.size() > protocol::kMaxConfigBytes) {
      return process_.give_up(
          "the configuration of plugin \"" + plugin.name + "\" has " + std::to_string(plugin.config_json.size()) +
          " bytes, " + std::to_string(protocol::kMaxConfigBytes) + " are possible (put it in a file and name that)");
    }
    process_.send(protocol::encode(protocol::PluginMessage{.name = plugin.name,
                                                           .shown_path = protocol::cut_text(plugin.shown_path),
                                                           .config_json = plugin.config_json,
                                                           .is_left_out = plugin.is_left_out,
                                                           .task_count = plugin.task_count}),
                  std::array{plugin.fd});
  }
  if (const auto& initializer = config_->initializer) {
    process_.send(protocol::encode(protocol::InitializerMessage{.task = initializer->task,
                                                                .task_index = initializer->task_index,
                                                                .codec = initializer->codec,
                                                                .arguments_bytes = initializer->arguments_bytes}),
                  std::array{initializer->arguments.get()});
  }
}

void WorkerProcess::said(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) {
  switch (protocol::kind_of(message).value_or(protocol::MessageKind::kWorkerHello)) {
    case protocol::MessageKind::kAttached:
      if (is_attached_) break;
      return attached();
    case protocol::MessageKind::kReady:
      if (!is_attached_ || is_ready_ || !failure_.empty()) break;
      limit_.reset();
      is_ready_ = true;
      return listener_.worker_ready(*this);
    case protocol::MessageKind::kOutput:
      if (!output_) break;
      return output_->take(channel_);
    case protocol::MessageKind::kShared: {
      const auto shared = protocol::decode<protocol::SharedMessage>(message);
      if (!shared || !is_ready_ || fds.size() != 1) break;
      return listener_.worker_gave_shared(*this, *shared, std::move(fds.front()));
    }
    case protocol::MessageKind::kFailed:
      if (const auto failed = protocol::decode<protocol::Failed>(message)) {
        failure_phase_ = static_cast<Phase>(std::min(failed->phase, static_cast<std::uint8_t>(kLastPhase)));
        failure_ = start_failure_text(failure_phase_, failed->plugin, failed->text);
        return process_.expect_end();
      }
      break;
    default:
      break;
  }
  process_.condemn("it sent a control message that makes no sense now");
}

void WorkerProcess::attached() {
  is_attached_ = true;
  drop_name();
  if (output_) output_->close_writer();
  limit_ = loop_.at(Deadline::after(config_->init_limit), [this] {
    is_late_ = true;
    process_.give_up(late_text(channel_, *config_));
  });
}

// Nobody but who stopped it knows for how long: what it runs has its limits, and otherwise waits.
void WorkerProcess::stopped(bool is_stopped) {
  log_.warn("worker " + std::to_string(slot_) + " (pid " + std::to_string(pid()) +
            (is_stopped ? ") is stopped by a signal: what it runs waits for SIGCONT or its limit" : ") goes on"));
}

Phase WorkerProcess::phase() const noexcept { return is_attached_ ? phase_of(channel_, is_ready_) : Phase::kStart; }

std::string WorkerProcess::doing() const {
  return is_attached_ && !is_ready_ ? what_starting_worker_does(channel_, *config_) : std::string();
}

void WorkerProcess::ended(const ExitStatus& status, std::string text) {
  limit_.reset();
  drop_name();
  ExitReason reason{
      .known = status.known,
      .signal = status.signal,
      .exit_code = status.exit_code,
      .core_dumped = status.core_dumped,
      .phase = failure_.empty() ? phase() : failure_phase_,
      .was_ready = is_ready_,
      .is_unexplained = text.empty() && failure_.empty(),
      .text = failure_.empty() ? std::move(text) : std::move(failure_),
      .max_rss_bytes = status.max_rss_bytes,
      .user_time = status.user_time,
      .system_time = status.system_time,
      .is_late = is_late_,
      .is_cut_off = is_cut_off_,
  };
  if (is_attached_ && !is_ready_) reason.plugin = plugin_in_work(channel_, *config_);
  reason.oom_hint = reason.is_unexplained && status.is_memory_short;
  try {
    if (output_) output_->take_last(channel_);
    if (is_attached_) reason.crash = read_crash_report(channel_.last_words(), status, config_->plugins);
    if (output_) reason.crash.last_output = output_->latest();
  } catch (const std::bad_alloc&) {  // then there is no more to tell of it
  }
  if (is_ready_) reason.plugin = reason.crash.plugin;
  if (reason.text.empty() && !is_ready_) {
    reason.text = "it ended while it started" + doing();
  }
  try {
    log_.debug("worker " + std::to_string(slot_) + " (pid " + std::to_string(pid()) + ") " + describe(reason));
  } catch (const std::bad_alloc&) {  // and no more to say of it
  }
  listener_.worker_ended(*this, reason);
}

bool WorkerProcess::send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept {
  const std::array fds{block.fd()};
  return process_.try_send(protocol::EncodedNumbers(protocol::BlockMessage{id, block.size(), writable}).bytes(), fds);
}

bool WorkerProcess::grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept {
  return process_.try_send(protocol::EncodedNumbers(protocol::BlockMessage{id, size, writable}).bytes(), {});
}

bool WorkerProcess::send_shared(const protocol::SharedMessage& message, int fd) noexcept {
  return process_.try_send(protocol::EncodedNumbers(message).bytes(), std::array{fd});
}

bool WorkerProcess::answer_shared(bool is_taken) noexcept {
  return process_.try_send(protocol::EncodedNumbers(protocol::SharedTakenMessage{is_taken}).bytes(), {});
}

}  // namespace bulkhead::process
