#include "process/managed_process.hpp"

#include <csignal>
#include <utility>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"
#include "process/template.hpp"
#include "protocol/control.hpp"
#include "support/deadline.hpp"
#include "support/pidfd.hpp"

namespace bulkhead::process {

using ipc::ControlSocket;
using support::Deadline;

namespace {

// The warden's word usually comes with the death itself.
constexpr auto kStatusLimit = std::chrono::milliseconds(200);
// The socket of a process that ends closes a moment before its pidfd tells.
constexpr auto kEndAfterClose = std::chrono::milliseconds(200);
// For the static destructors of a process that leaves by itself.
constexpr auto kEndLimit = std::chrono::seconds(2);
constexpr auto kFlushPause = std::chrono::milliseconds(1);

}  // namespace

ManagedProcess::ManagedProcess(EventLoop& loop, Warden& warden, Warden::Mode mode, StartMethod method,
                               Listener& listener, std::shared_ptr<Template> from)
    : loop_(loop), warden_(warden), mode_(mode), method_(method), template_(std::move(from)), listener_(listener) {}

ManagedProcess::~ManagedProcess() {
  kill(SIGKILL);
  forget_ticket();
}

void ManagedProcess::forget_ticket() noexcept {
  const Warden::Ticket ticket = std::exchange(ticket_, 0);
  if (ticket == 0) return;
  is_by_template_ ? template_->forget(ticket) : warden_.forget(ticket);
}

void ManagedProcess::start() {
  try {
    request();
  } catch (const Error& error) {
    end_without_process(error.what());
  }
}

void ManagedProcess::request() {
  auto [ours, theirs] = ControlSocket::pair();
  control_watch_.reset();
  end_timer_.reset();  // set when the socket of an earlier request came to its end with its warden
  outbox_.clear();
  has_said_hello_ = false;
  {
    const std::lock_guard lock(mutex_);
    control_.emplace(std::move(ours));
  }
  control_watch_ = loop_.watch(control_->fd(), [this] { read_socket(); });
  Warden::StartRequest request{.mode = mode_, .method = method_, .control = theirs.release()};
  is_by_template_ = template_ && template_->is_ready();
  ticket_ = is_by_template_ ? template_->start(std::move(request), *this) : warden_.start(std::move(request), *this);
}

void ManagedProcess::process_started(pid_t pid, support::UniqueFd pidfd) {
  was_started_ = true;
  pid_ = pid;
  int signal = 0;
  {
    const std::lock_guard lock(mutex_);
    pidfd_ = std::move(pidfd);
    signal = pending_signal_;
  }
  if (signal != 0) support::signal_pidfd(pidfd_.get(), signal);
  try {
    pidfd_watch_ = loop_.watch(pidfd_.get(), [this] { died(); });
  } catch (const Error& error) {
    condemn(error.what());  // the warden still tells of its end
    return;
  }
  greet_if_known();
}

// Only now: a process of a warden that died before it could name it must not get any further than
// its hello.
void ManagedProcess::greet_if_known() {
  if (!was_started_ || !has_said_hello_ || is_greeted_) return;
  is_greeted_ = true;
  listener_.said_hello();
}

void ManagedProcess::read_socket() {
  std::vector<std::byte> bytes;
  std::vector<support::UniqueFd> fds;
  // Not once it is unwatched: nothing it says counts any more.
  while (control_watch_.is_active()) {
    switch (control_->try_receive(bytes, fds)) {
      case ControlSocket::Received::kReceived:
        handle(bytes, fds);
        break;
      case ControlSocket::Received::kDeadlinePassed:
        return;
      case ControlSocket::Received::kPeerGone:
        control_watch_.reset();
        if (!has_died_) {
          end_timer_ = loop_.at(Deadline::after(kEndAfterClose), [this] { condemn("it closed its control socket"); });
        }
        return;
      case ControlSocket::Received::kMalformed:
        control_watch_.reset();
        condemn("it sent a control message that is not whole");
        return;
    }
  }
}

void ManagedProcess::handle(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) {
  if (has_said_hello_) {
    if (protocol::kind_of(message) == protocol::MessageKind::kWorkerHello) {
      return condemn("it said hello twice");
    }
    return listener_.said(message, fds);
  }
  const auto hello = protocol::decode<protocol::WorkerHello>(message);
  if (!hello) return condemn("it did not say hello");
  if (hello->build != protocol::build_id()) {
    return condemn("the worker program \"" + warden_.program().string() + "\" is of another build: \"" + hello->build +
                   "\", this library is \"" + std::string(protocol::build_id()) + "\" (install both from one build)");
  }
  if (hello->abi_major != BULKHEAD_ABI_MAJOR) {
    return condemn("the worker program speaks plugin ABI " + std::to_string(hello->abi_major) + ", this library " +
                   std::to_string(BULKHEAD_ABI_MAJOR));
  }
  has_said_hello_ = true;
  greet_if_known();
}

void ManagedProcess::send(std::vector<std::byte> message, std::span<const int> fds) {
  const std::lock_guard lock(mutex_);
  if (outbox_.send(*control_, std::move(message), fds) == protocol::Outbox::State::kWaiting) {
    keep_flushing();
  }
}

void ManagedProcess::keep_flushing() {
  flush_timer_ = loop_.at(Deadline::after(kFlushPause), [this] {
    const std::lock_guard lock(mutex_);
    if (outbox_.flush(*control_) == protocol::Outbox::State::kWaiting) keep_flushing();
  });
}

std::string ManagedProcess::trouble() const {
  {
    const std::lock_guard lock(mutex_);
    if (!outbox_.trouble().empty()) return outbox_.trouble();
  }
  if (was_started_) return {};
  return is_by_template_ ? template_->trouble() : warden_.trouble();
}

bool ManagedProcess::try_send(std::span<const std::byte> message, std::span<const int> fds) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (!control_ || is_over_) return false;
    const auto now = Deadline::after(std::chrono::nanoseconds::zero());
    return control_->send(message, fds, now) == ControlSocket::Sent::kSent;
  } catch (...) {  // no memory, or too many descriptors in flight: no room just now
    return false;
  }
}

void ManagedProcess::kill(int signal) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_over_) return;
  if (pidfd_.is_open()) {
    support::signal_pidfd(pidfd_.get(), signal);
  } else if (pending_signal_ != SIGKILL) {
    pending_signal_ = signal;
  }
}

void ManagedProcess::condemn(std::string why) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (condemned_.empty()) condemned_ = std::move(why);
  }
  kill(SIGKILL);
}

void ManagedProcess::give_up(std::string why) {
  if (was_started_) return condemn(std::move(why));
  forget_ticket();
  end_without_process(std::move(why));
}

void ManagedProcess::expect_end() {
  end_timer_ = loop_.at(Deadline::after(kEndLimit), [this] { kill(SIGKILL); });
}

void ManagedProcess::process_stopped(bool is_stopped) {
  if (is_stopped_.exchange(is_stopped) != is_stopped) listener_.stopped(is_stopped);
}

void ManagedProcess::process_start_failed(const std::string& text) {
  ticket_ = 0;
  end_without_process(text);
}

void ManagedProcess::warden_lost() {
  ticket_ = 0;
  if (!was_started_) {
    start();
  } else if (has_died_) {
    finish({});
  } else {
    is_warden_lost_ = true;
  }
}

// By pidfd.
void ManagedProcess::died() {
  has_died_ = true;
  pidfd_watch_.reset();
  if (is_warden_lost_) return finish({});
  end_timer_ = loop_.at(Deadline::after(kStatusLimit), [this] {
    is_by_template_ ? template_->suspect() : warden_.suspect();
    finish({});
  });
}

// By the warden, which has reaped it: often before the pidfd's turn comes.
void ManagedProcess::process_exited(const ExitStatus& status) {
  ticket_ = 0;
  has_died_ = true;
  finish(status);
}

void ManagedProcess::end_without_process(std::string text) {
  // The warden drops the other end: an end of file that came later would put off the timer below.
  control_watch_.reset();
  {
    const std::lock_guard lock(mutex_);
    if (condemned_.empty()) condemned_ = std::move(text);
  }
  // Not from within start(), whose caller does not expect its listener to be called.
  end_timer_ = loop_.at(Deadline::after(std::chrono::nanoseconds::zero()), [this] { finish({}); });
}

void ManagedProcess::finish(const ExitStatus& status) {
  if (has_ended_) return;
  if (control_) read_socket();  // its last words
  has_ended_ = true;
  control_watch_.reset();
  pidfd_watch_.reset();
  end_timer_.reset();
  flush_timer_.reset();
  forget_ticket();
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    text = std::move(condemned_);
  }
  listener_.ended(status, std::move(text));
}

}  // namespace bulkhead::process
