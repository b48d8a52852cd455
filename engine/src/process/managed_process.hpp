// One process started by the warden, with its control socket: from the request for it until its
// exit status.
//
// Its death is seen by pidfd; how it ended, the warden says. A warden that dies before the process
// is known costs nothing: it is asked for again, with a new socket.
//
// Ownership: owns its end of the socket and the pidfd; borrows loop and warden, which outlive it.
//            Destroying it kills the process.
// Threads:   the loop's; kill(), condemn(), try_send(), pid() and is_stopped() from any.
// Failure:   everything after construction is told by ended(), exactly once.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipc/control_socket.hpp"
#include "process/event_loop.hpp"
#include "process/exit_reason.hpp"
#include "process/warden_client.hpp"
#include "protocol/outbox.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process {

class Template;

class ManagedProcess : private Warden::Client {
 public:
  struct Listener {
    virtual ~Listener() = default;
    // It is of our build and its pid is known: talk to it. Again for a second process when a warden
    // was lost between.
    virtual void said_hello() = 0;
    // A later message. Malformed ones do not come here: they condemn it.
    virtual void said(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) = 0;
    // A signal stopped it, or it goes on.
    virtual void stopped([[maybe_unused]] bool is_stopped) {}
    // The process is gone, or never was. `text`: why it was condemned or could not start; empty:
    // nobody knows. May destroy the ManagedProcess; no other call may.
    virtual void ended(const ExitStatus& status, std::string text) = 0;
  };

  // `from`: the template to fork it from, while that lives and is ready; nullptr: none. The warden starts it else.
  ManagedProcess(EventLoop& loop, Warden& warden, Warden::Mode mode, StartMethod method, Listener& listener,
                 std::shared_ptr<Template> from = nullptr);
  ~ManagedProcess() override;
  ManagedProcess(const ManagedProcess&) = delete;
  ManagedProcess& operator=(const ManagedProcess&) = delete;

  void start();

  // Sends soon, in order; a slow reader holds up nobody. The descriptors stay the caller's.
  void send(std::vector<std::byte> message, std::span<const int> fds = {});
  // Loop thread: what keeps messages from it, or, until it is started, the request from who starts it; empty: nothing is
  // known to be wrong.
  [[nodiscard]] std::string trouble() const;
  // Sends now. False: there is no room just now, or nobody to read it.
  [[nodiscard]] bool try_send(std::span<const std::byte> message, std::span<const int> fds) noexcept;

  // A process that is not known yet gets the signal as soon as it is; one that ended, none.
  void kill(int signal) noexcept;
  // Kills it; the first `why` is what ended() tells.
  void condemn(std::string why) noexcept;
  // Loop thread: the same, and does not wait for a process that nobody knows yet.
  void give_up(std::string why);
  // The process is expected to end by itself now; kills it if it has not after a moment.
  void expect_end();

  [[nodiscard]] pid_t pid() const noexcept { return pid_.load(); }
  [[nodiscard]] bool is_stopped() const noexcept { return is_stopped_.load(); }
  [[nodiscard]] Warden& warden() const noexcept { return warden_; }

 private:
  void process_started(pid_t pid, support::UniqueFd pidfd) override;
  void process_start_failed(const std::string& text) override;
  void process_exited(const ExitStatus& status) override;
  void process_stopped(bool is_stopped) override;
  void warden_lost() override;

  void request();
  void read_socket();
  void handle(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds);
  void forget_ticket() noexcept;
  void greet_if_known();
  void died();
  void finish(const ExitStatus& status);
  void end_without_process(std::string text);
  void keep_flushing();

  EventLoop& loop_;
  Warden& warden_;
  const Warden::Mode mode_;
  const StartMethod method_;
  const std::shared_ptr<Template> template_;
  Listener& listener_;

  // Loop thread only.
  Warden::Ticket ticket_ = 0;
  bool is_by_template_ = false;  // who gave the ticket
  protocol::Outbox outbox_;
  bool was_started_ = false;
  bool has_said_hello_ = false;
  bool is_greeted_ = false;
  bool is_warden_lost_ = false;
  bool has_died_ = false;
  bool has_ended_ = false;

  std::atomic<pid_t> pid_ = -1;
  std::atomic<bool> is_stopped_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::optional<ipc::ControlSocket> control_;  // replaced on the loop thread only, which may read it without
  support::UniqueFd pidfd_;
  int pending_signal_ = 0;
  std::string condemned_;
  bool is_over_ = false;

  // Loop thread only; before what they watch.
  EventLoop::Watch control_watch_;
  EventLoop::Watch pidfd_watch_;
  EventLoop::Timer end_timer_;
  EventLoop::Timer flush_timer_;
};

}  // namespace bulkhead::process
