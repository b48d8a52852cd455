#include "worker/bootstrap.hpp"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "ipc/worker_channel.hpp"
#include "protocol/control.hpp"
#include "protocol/last_words.hpp"
#include "protocol/output_tail.hpp"
#include "support/fault_point.hpp"
#include "support/nesting.hpp"
#include "worker/crash_handler.hpp"
#include "worker/handshake.hpp"
#include "worker/log_route.hpp"
#include "worker/watcher.hpp"
#include "worker/worker_body.hpp"

namespace bulkhead::worker {

namespace {

ipc::WorkerChannel attach(const protocol::Attach& attach, std::vector<support::UniqueFd>& fds) {
  return ipc::WorkerChannel::attach({
      .host_memory = std::move(fds[0]),
      .worker_memory = std::move(fds[1]),
      .pool_page = std::move(fds[2]),
      .leader_bell = std::move(fds[3]),
      .pump_bell = std::move(fds[4]),
      .sizes = {attach.request_ring_bytes, attach.response_ring_bytes},
      .doorbell_name = attach.doorbell_name,
      .spin_pauses = attach.spin_pauses,
  });
}

class Worker {
 public:
  Worker(Handshake& handshake, const Preloaded* preloaded) : handshake_(handshake), preloaded_(preloaded) {}

  int run() {
    BULKHEAD_FAULT_POINT("worker.attach");
    auto attach_message = handshake_.receive<protocol::Attach>(protocol::Attach::kFds);
    auto& fds = attach_message.fds;
    const ipc::LastingMemory memory = ipc::map_lasting_memory(fds[1].get());
    channel_.emplace(attach(attach_message.message, fds));
    install_crash_handler(protocol::last_words_in(memory.last_words));
    handshake_.send(protocol::Attached{});
    const auto output = capture_output(attach_message.message.captures_output, memory);
    body_.emplace(WorkerBody::Setup{.channel = *channel_,
                                    .control_fd = handshake_.fd(),
                                    .plugins = receive_plugins(attach_message.message.plugin_count),
                                    .preloaded = preloaded_,
                                    .initializer = receive_initializer(attach_message.message.has_initializer),
                                    .say_ready = [this] { handshake_.send(protocol::Ready{}); },
                                    .is_put_back = attach_message.message.is_put_back});
    start_host_watcher(std::move(fds[5]), output);
    BULKHEAD_FAULT_POINT("worker.run");
    return body_->run();
  }

  // What it was at, for the message about a failure.
  [[nodiscard]] std::pair<Phase, std::string> where() const {
    return body_ ? std::pair(body_->phase(), body_->plugin()) : std::pair(Phase::kStart, std::string());
  }

 private:
  // From here on stdout and stderr are the pipe. Its descriptors stay open for the rest of the process's life.
  std::optional<OutputPump> capture_output(bool is_wanted, const ipc::LastingMemory& memory) {
    if (!is_wanted) return std::nullopt;
    auto received = handshake_.receive<protocol::CaptureMessage>(protocol::CaptureMessage::kFds);
    const int reader = received.fds[0].release();
    const int writer = received.fds[1].release();
    std::fflush(stdout);
    ::dup2(writer, STDOUT_FILENO);
    ::dup2(writer, STDERR_FILENO);
    send_log_lines_to(writer, memory.area);
    return OutputPump(reader, handshake_.fd(), protocol::output_tail_in(memory.output), memory.area);
  }

  // Descriptors stay open for the rest of the process's life: debuggers find the plugins' symbols there.
  std::vector<PluginToRun> receive_plugins(std::uint32_t count) {
    std::vector<PluginToRun> plugins;
    for (std::uint32_t i = 0; i < count; ++i) {
      auto received = handshake_.receive<protocol::PluginMessage>(1);
      plugins.push_back({.name = std::move(received.message.name),
                         .shown_path = std::move(received.message.shown_path),
                         .config_json = std::move(received.message.config_json),
                         .fd = received.fds.front().release(),
                         .is_left_out = received.message.is_left_out,
                         .task_count = received.message.task_count});
    }
    return plugins;
  }

  std::optional<InitializerToRun> receive_initializer(bool has_one) {
    if (!has_one) return std::nullopt;
    auto received = handshake_.receive<protocol::InitializerMessage>(1);
    initializer_arguments_ = std::move(received.fds.front());
    return InitializerToRun{.task = std::move(received.message.task),
                            .task_index = received.message.task_index,
                            .codec = received.message.codec,
                            .arguments_fd = initializer_arguments_.get(),
                            .arguments_bytes = received.message.arguments_bytes};
  }

  Handshake& handshake_;
  const Preloaded* const preloaded_;
  std::optional<ipc::WorkerChannel> channel_;
  support::UniqueFd initializer_arguments_;
  std::optional<WorkerBody> body_;
};

}  // namespace

void prepare_process() noexcept {
  support::enter_worker();
  // A task's printf is seen even when the task then crashes.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

int run_worker(support::UniqueFd control, std::string_view build, const Preloaded* preloaded) noexcept {
  try {
    BULKHEAD_FAULT_ROLE(kWorker);
    if (preloaded == nullptr) prepare_process();
    Handshake handshake(std::move(control));
    handshake.say_hello(build);
    Worker worker(handshake, preloaded);
    const int status = report_failures(
        handshake, [&] { return worker.run(); }, [&] { return worker.where(); });
    BULKHEAD_FAULT_POINT("worker.left");
    handshake.keep_open();
    return status;
  } catch (const HostGone&) {  // before it heard our hello
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "bulkhead-worker: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bulkhead-worker: %s\n", error.what());
  }
  return kStartFailedStatus;
}

}  // namespace bulkhead::worker
