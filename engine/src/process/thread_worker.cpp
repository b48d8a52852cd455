#include "process/thread_worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "ipc/control_socket.hpp"
#include "ipc/worker_channel.hpp"
#include "process/announced_name.hpp"
#include "process/worker_status.hpp"
#include "protocol/control.hpp"
#include "support/blocked_signals.hpp"
#include "support/duration_text.hpp"
#include "support/fault_point.hpp"
#include "support/logging.hpp"
#include "support/system_error.hpp"
#include "worker/bootstrap.hpp"
#include "worker/executor.hpp"
#include "worker/executor_boundary.hpp"
#include "worker/log_route.hpp"
#include "worker/worker_body.hpp"

namespace bulkhead::process {

using support::Deadline;
using support::UniqueFd;

namespace {

// From a thread's last word until it is gone: the destructors of its thread-locals.
constexpr auto kJoinLimit = std::chrono::seconds(2);
constexpr auto kJoinPause = std::chrono::milliseconds(1);
// For one that is told to leave and has no task.
constexpr auto kLeaveLimit = std::chrono::milliseconds(100);
// For one that is told to leave while it starts.
constexpr auto kStartLimit = std::chrono::seconds(1);

UniqueFd copy_of(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) support::raise_system_error(errno, "duplicate a descriptor for a worker thread", "descriptors");
  return copy;
}

}  // namespace

// What the thread uses, for as long as it runs: loop, log, engine and ThreadWorker may be gone before.
class ThreadWorker::Life final : private worker::LogRoute {
 public:
  Life(Warden& warden, std::shared_ptr<const WorkerConfig> config, ThreadWorker& owner)
      : config_(std::move(config)),
        doorbell_name_(warden, ipc::make_doorbell_name()),
        host_(ipc::HostChannel::create(config_->ring_sizes, doorbell_name_.name())),
        worker_(ipc::WorkerChannel::attach({.host_memory = copy_of(host_.host_fd()),
                                            .worker_memory = copy_of(host_.worker_fd()),
                                            .pool_page = copy_of(config_->pool_page_fd),
                                            .leader_bell = copy_of(config_->leader_bell_fd),
                                            .pump_bell = copy_of(config_->pump_bell_fd),
                                            .sizes = host_.sizes(),
                                            .doorbell_name = doorbell_name_.name(),
                                            .spin_pauses = config_->spin_pauses,
                                            .while_full = [this] { drop_results_if_alone(); }})),
        sockets_(ipc::ControlSocket::pair()),
        owner_(&owner) {
    host_.unlink_doorbell();  // the thread's end is attached
    doorbell_name_.forget();
    for (const auto& plugin : config_->plugins) plugin_files_.push_back(copy_of(plugin.fd));
  }

  // In the thread.
  void run();

  [[nodiscard]] ipc::HostChannel& host() noexcept { return host_; }
  [[nodiscard]] ipc::WorkerChannel& worker() noexcept { return worker_; }
  [[nodiscard]] pid_t thread_id() const noexcept { return thread_id_.load(); }

  [[nodiscard]] bool send(std::span<const std::byte> message, std::span<const int> fds) {
    const std::lock_guard lock(mutex_);
    const auto now = Deadline::after(std::chrono::nanoseconds::zero());
    return sockets_.first.send(message, fds, now) == ipc::ControlSocket::Sent::kSent;
  }

  // Of the host, to receive from. Until leave_alone().
  [[nodiscard]] ipc::ControlSocket& socket() noexcept { return sockets_.first; }

  // Nobody listens to the thread, reads its results or sends it blocks any more.
  void leave_alone() noexcept {
    const std::lock_guard lock(mutex_);
    owner_ = nullptr;
    is_alone_.store(true);
    sockets_.first.release().reset();
  }

  // Has `call` run on the loop's thread, unless the owner is gone by then.
  void tell_owner(void (ThreadWorker::*call)()) noexcept;

  // How the thread ended; the loop's once thread_ended() is called.
  struct Ending {
    int status = worker::kExitUnwound;  // until its task loop has ended
    Phase phase = Phase::kRun;
    std::string text = "a task ended its thread (pthread_exit, pthread_cancel)";
  };
  [[nodiscard]] Ending& ending() noexcept { return ending_; }

 private:
  // In the thread: what it logs belongs to the owner's pool, while there is one.
  void log_line(std::uint8_t level, std::string_view plugin, std::string_view text) override {
    const auto status = host_.status();
    const std::lock_guard lock(mutex_);
    if (owner_ == nullptr) return;
    owner_->listener_.worker_wrote(*owner_, {.level = level,
                                             .plugin = std::string(plugin),
                                             .phase = status.phase,
                                             .task = status.task,
                                             .attempt = status.attempt,
                                             .task_id = status.task_id,
                                             .text = protocol::printable_text(text)});
  }

  void run_body();

  // Without this a thread with more results than the ring holds would wait for ever for a host that is gone.
  void drop_results_if_alone() noexcept {
    if (!is_alone_.load()) return;
    std::span<const std::byte> frame;
    while (host_.receive(frame) == ipc::HostChannel::Receive::kRecord) host_.pop();
    host_.release();
  }

  // Fixed after construction.
  const std::shared_ptr<const WorkerConfig> config_;
  AnnouncedName doorbell_name_;  // until the constructor's end
  ipc::HostChannel host_;
  ipc::WorkerChannel worker_;
  std::vector<UniqueFd> plugin_files_;

  std::atomic<pid_t> thread_id_ = -1;
  std::atomic<bool> is_alone_ = false;
  Ending ending_;

  std::mutex mutex_;
  // Guarded by mutex_, but for the thread's end of the socket.
  std::pair<ipc::ControlSocket, ipc::ControlSocket> sockets_;
  ThreadWorker* owner_;
};

// Tells of the thread's end even when a task ends it.
class ThreadWorker::EndOfThread {
 public:
  explicit EndOfThread(Life& life) : life_(life) {}
  ~EndOfThread() { life_.tell_owner(&ThreadWorker::thread_ended); }
  EndOfThread(const EndOfThread&) = delete;
  EndOfThread& operator=(const EndOfThread&) = delete;

 private:
  Life& life_;
};

// Not for what ends the thread: pthread_exit() comes through here.
void ThreadWorker::Life::run() {
  thread_id_ = ::gettid();
  const worker::LogRouteScope route(*this);
  try {
    run_body();
  } catch (const std::bad_alloc&) {
    ending_ = {worker::kStartFailedStatus, Phase::kStart, {}};
  }
}

void ThreadWorker::Life::run_body() {
  worker::WorkerBody::Setup setup{
      .channel = worker_, .control_fd = sockets_.second.fd(), .plugins = {}, .initializer = {}, .say_ready = [this] {
        tell_owner(&ThreadWorker::became_ready);
      }};
  for (std::size_t i = 0; i < plugin_files_.size(); ++i) {
    const PluginToLoad& plugin = config_->plugins[i];
    setup.plugins.push_back({.name = plugin.name,
                             .shown_path = plugin.shown_path,
                             .config_json = plugin.config_json,
                             .fd = plugin_files_[i].get(),
                             .is_left_out = plugin.is_left_out,
                             .task_count = plugin.task_count});
  }
  if (const auto& initializer = config_->initializer) {
    setup.initializer = {.task = initializer->task,
                         .task_index = initializer->task_index,
                         .codec = initializer->codec,
                         .arguments_fd = initializer->arguments.get(),
                         .arguments_bytes = initializer->arguments_bytes};
  }
  worker::WorkerBody body(std::move(setup));
  const auto failed = [&](const char* why) {
    ending_ = {worker::kStartFailedStatus, body.phase(), start_failure_text(body.phase(), body.plugin(), why)};
  };
  try {
    const int status = body.run();
    ending_ = {status, Phase::kIdle, {}};
  } catch (const worker::GuestLeaves& leaves) {
    ending_ = {worker::kExitProtocol, Phase::kRun, leaves.why};
  } catch (const Error& error) {
    failed(error.what());
  } catch (const std::exception& error) {
    failed(error.what());
  }
}

void ThreadWorker::Life::tell_owner(void (ThreadWorker::*call)()) noexcept {
  const std::lock_guard lock(mutex_);
  if (owner_ == nullptr) return;
  try {
    owner_->loop_.post([life = owner_->life_, call] {
      // The owner changes on this thread only.
      if (life->owner_ != nullptr) (life->owner_->*call)();
    });
  } catch (const std::bad_alloc&) {
    owner_->loop_.out_of_memory();
  }
}

ThreadWorker::ThreadWorker(EventLoop& loop, Warden& warden, support::Log& log,
                           std::shared_ptr<const WorkerConfig> config, std::uint32_t slot, std::uint64_t generation,
                           Worker::Listener& listener)
    : loop_(loop),
      log_(log),
      config_(std::move(config)),
      slot_(slot),
      generation_(generation),
      listener_(listener),
      life_(std::make_shared<Life>(warden, config_, *this)) {}

ThreadWorker::~ThreadWorker() {
  socket_watch_.reset();
  if (thread_) {
    // Its pool has waited for it already, if it runs a task.
    life_->worker().leave();
    const auto deadline = Deadline::after(kLeaveLimit);
    while (::pthread_tryjoin_np(*thread_, nullptr) != 0) {
      if (deadline.has_passed()) {
        leave_alone("still runs a task");
        break;
      }
      std::this_thread::sleep_for(kJoinPause);
    }
  }
  life_->leave_alone();
}

void ThreadWorker::start() {
  limit_ = loop_.at(Deadline::after(config_->init_limit), [this] {
    is_late_ = true;
    condemn(late_text(life_->host(), *config_));
    leave_alone("did not get ready in time");
    finish();
  });
  socket_watch_ = loop_.watch(life_->socket().fd(), [this] { read_socket(); });
  auto given = std::make_unique<std::shared_ptr<Life>>(life_);
  pthread_t thread{};
  const int error = [&] {
    const support::BlockedSignals blocked;
    return BULKHEAD_FAULT_CALL("thread_worker.thread", EAGAIN, EAGAIN,
                               ::pthread_create(&thread, nullptr, &run_thread, given.get()));
  }();
  if (error != 0) {
    condemn("cannot start a thread: " + support::errno_text(error));
    // Not from within start(), whose caller does not expect its listener to be called.
    join_timer_ = loop_.at(Deadline::after(std::chrono::nanoseconds::zero()), [this] { finish(); });
    return;
  }
  static_cast<void>(given.release());
  thread_ = thread;
}

void* ThreadWorker::run_thread(void* given) {
  const std::unique_ptr<std::shared_ptr<Life>> life(static_cast<std::shared_ptr<Life>*>(given));
  ::pthread_setname_np(::pthread_self(), "bulkhead-thread");
  const EndOfThread end(**life);
  const worker::GuestThread guest;
  (*life)->run();
  return nullptr;
}

ipc::HostChannel& ThreadWorker::channel() noexcept { return life_->host(); }

pid_t ThreadWorker::pid() const noexcept { return life_->thread_id(); }

void ThreadWorker::became_ready() {
  limit_.reset();
  is_ready_ = true;
  listener_.worker_ready(*this);
}

void ThreadWorker::thread_ended() {
  limit_.reset();
  try_join(Deadline::after(kJoinLimit));
}

// It has said its last word, and is gone in a moment.
void ThreadWorker::try_join(Deadline deadline) {
  if (::pthread_tryjoin_np(*thread_, nullptr) == 0) {
    thread_.reset();
    return finish();
  }
  if (deadline.has_passed()) {
    leave_alone("does not end: a destructor of a thread-local still runs");
    return finish();
  }
  join_timer_ = loop_.at(Deadline::after(kJoinPause), [this, deadline] { try_join(deadline); });
}

void ThreadWorker::leave_alone(const std::string& why) noexcept {
  if (!thread_) return;
  ::pthread_detach(*thread_);
  thread_.reset();
  is_left_alone_ = true;
  socket_watch_.reset();
  life_->leave_alone();
  life_->worker().leave();
  log_.warn("worker " + std::to_string(slot_) + " is a thread that " + why + ": it is left to itself");
}

void ThreadWorker::finish() {
  socket_watch_.reset();
  limit_.reset();
  join_timer_.reset();
  ExitReason reason{.known = true, .was_ready = is_ready_, .is_late = is_late_};
  if (!is_ready_) reason.plugin = plugin_in_work(life_->host(), *config_);
  if (is_left_alone_) {
    // It still runs, and may be writing its ending.
    reason.exit_code = worker::kStartFailedStatus;
    reason.phase = phase_of(life_->host(), is_ready_);
  } else {
    auto& ending = life_->ending();
    reason.exit_code = ending.status;
    reason.phase = ending.phase;
    reason.text = std::move(ending.text);
  }
  life_->leave_alone();
  if (reason.text.empty()) {
    const std::lock_guard lock(mutex_);
    reason.text = std::move(condemned_);
  }
  log_.debug("worker " + std::to_string(slot_) + " (thread " + std::to_string(pid()) + ") " + describe(reason));
  listener_.worker_ended(*this, reason);
}

void ThreadWorker::kill(int) noexcept {
  life_->worker().leave();
  if (was_told_to_leave_.exchange(true)) return;
  life_->tell_owner(&ThreadWorker::told_to_leave);
}

void ThreadWorker::condemn(std::string why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (condemned_.empty()) condemned_ = std::move(why);
  }
  kill(SIGKILL);
}

void ThreadWorker::told_to_leave() {
  if (!thread_) return;
  if (!is_ready_) {
    limit_ = loop_.at(Deadline::after(kStartLimit), [this] {
      leave_alone("does not end its start");
      finish();
    });
  } else {
    limit_ = loop_.at(Deadline::after(kLeaveLimit), [this] {
      log_.warn("worker " + std::to_string(slot_) +
                " is a thread, which cannot be killed: it leaves when its running task has ended");
    });
  }
}

bool ThreadWorker::send(std::uint32_t id, std::uint64_t size, bool writable, std::span<const int> fds) noexcept {
  try {
    return life_->send(protocol::EncodedNumbers(protocol::BlockMessage{id, size, writable}).bytes(), fds);
  } catch (...) {  // too many descriptors in flight: no room just now
    return false;
  }
}

bool ThreadWorker::send_block(std::uint32_t id, const ipc::SharedBlock& block, bool writable) noexcept {
  const std::array fds{block.fd()};
  return send(id, block.size(), writable, fds);
}

bool ThreadWorker::grant_known_block(std::uint32_t id, std::uint64_t size, bool writable) noexcept {
  return send(id, size, writable, {});
}

bool ThreadWorker::send_shared(const protocol::SharedMessage& message, int fd) noexcept {
  try {
    return life_->send(protocol::EncodedNumbers(message).bytes(), std::array{fd});
  } catch (...) {  // as above
    return false;
  }
}

bool ThreadWorker::answer_shared(bool is_taken) noexcept {
  try {
    return life_->send(protocol::EncodedNumbers(protocol::SharedTakenMessage{is_taken}).bytes(), {});
  } catch (...) {  // as above
    return false;
  }
}

void ThreadWorker::read_socket() {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;
  while (socket_watch_.is_active()) {
    const auto received = life_->socket().try_receive(bytes, fds);
    if (received == ipc::ControlSocket::Received::kDeadlinePassed) return;
    if (received != ipc::ControlSocket::Received::kReceived) return socket_watch_.reset();
    const auto shared = protocol::decode<protocol::SharedMessage>(bytes);
    if (shared && fds.size() == 1) listener_.worker_gave_shared(*this, *shared, std::move(fds.front()));
  }
}

}  // namespace bulkhead::process
