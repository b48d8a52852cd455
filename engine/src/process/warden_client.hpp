// The host's side of the warden: starts it, asks it for processes, hears how they ended, replaces
// it when it dies.
//
// The warden is executed without copying the host, unless it was forked from it on purpose, and is never its child: an
// embedding program's wait() does not see it. When it dies, running processes go on; a new one is there within a second (10 ms at first, doubling to 320 ms while
// that fails).
//
// Ownership: borrows loop and log, which outlive it. Ending it ends every process it started.
// Threads:   constructor and destructor on any thread but the loop's; everything else on the loop
//            thread.
// Failure:   ResourceError from the constructor. Later failures to start a warden are logged and
//            tried again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ipc/control_socket.hpp"
#include "process/event_loop.hpp"
#include "process/exit_reason.hpp"
#include "process/fork_warden.hpp"
#include "process/start_method.hpp"
#include "protocol/control.hpp"
#include "protocol/outbox.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process {

// What whoever reaped it says.
[[nodiscard]] ExitStatus status_of(const protocol::ProcessExited& exited) noexcept;

class Warden {
 public:
  // Whoever asked for a process. Called on the loop thread. It may forget() itself or others in any
  // of them.
  class Client {
   public:
    virtual ~Client() = default;
    virtual void process_started(pid_t pid, support::UniqueFd pidfd) = 0;
    // It never existed. The last call.
    virtual void process_start_failed(const std::string& text) = 0;
    // It has been reaped. The last call.
    virtual void process_exited(const ExitStatus& status) = 0;
    // By SIGSTOP or a terminal; false: it goes on.
    virtual void process_stopped(bool is_stopped) = 0;
    // The warden died. A started process goes on, and its status will never be known; one that was
    // not started yet may exist, but never gets further than its hello: ask again, with a new
    // socket. The last call.
    virtual void warden_lost() = 0;
  };

  using Mode = protocol::StartMode;
  struct StartRequest {
    Mode mode = Mode::kWorker;
    StartMethod method = StartMethod::kForkserver;
    support::UniqueFd control;  // the new process's end of its control socket
  };
  using Ticket = std::uint64_t;  // never 0, never reused

  // Starts a warden and waits until it has said hello. Throws ResourceError when `worker_program`
  // cannot be run, is no worker program, or is of another build; nothing is left behind then.
  // `forked`: this is the first warden; those that replace it are executed.
  Warden(EventLoop& loop, support::Log& log, std::filesystem::path worker_program,
         std::optional<ForkedWarden> forked = {});
  // Ends every process and waits, a few seconds at most, until the warden is gone.
  ~Warden();
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;

  // While there is no warden, the request waits for the next.
  [[nodiscard]] Ticket start(StartRequest request, Client& client);
  // No more calls for this ticket. A process that is not known yet is killed as soon as it is.
  void forget(Ticket ticket) noexcept;

  // Tell it before a doorbell of this name is created, and after it was unlinked.
  void announce_name(const std::string& name);
  void forget_name(const std::string& name) noexcept;

  // An answer is late: a warden that turns out to be stopped is replaced.
  void suspect() noexcept;

  // This process, for the workers to watch.
  [[nodiscard]] int host_pidfd() const noexcept { return host_pidfd_.get(); }
  // -1 while there is none.
  [[nodiscard]] pid_t pid() const noexcept { return link_ && link_->is_up ? link_->pid : -1; }
  // Why there is none, or what keeps messages from it; empty: nothing is known to be wrong.
  [[nodiscard]] const std::string& trouble() const noexcept {
    return link_ && link_->is_up ? link_->outbox.trouble() : trouble_;
  }
  [[nodiscard]] const std::filesystem::path& program() const noexcept { return program_; }

 private:
  // One warden process. Watches come last, so that they go before what they watch.
  struct Link {
    explicit Link(ipc::ControlSocket end) : socket(std::move(end)) {}
    ipc::ControlSocket socket;
    protocol::Outbox outbox;
    support::UniqueFd silent_pidfd;  // the program, until it says hello and so sends its own
    bool is_copy = false;            // of this process
    bool is_up = false;              // it has said hello
    pid_t pid = -1;
    support::UniqueFd pidfd;
    support::Deadline::Clock::time_point up_since{};
    EventLoop::Watch socket_watch;
    EventLoop::Watch pidfd_watch;
    EventLoop::Timer hello_timer;
    EventLoop::Timer flush_timer;
  };
  struct Entry {
    Client* client = nullptr;  // null: forgotten before it started
    bool is_sent = false;
    bool is_started = false;
    StartRequest request;  // while it is not sent
  };

  void launch();
  [[nodiscard]] std::unique_ptr<Link> make_link();
  [[nodiscard]] protocol::StartHow how_to_start(StartMethod method) const noexcept;
  void read_socket();
  void handle(std::span<const std::byte> bytes, std::vector<support::UniqueFd>& fds);
  void said_hello(const protocol::WardenHello& hello, std::vector<support::UniqueFd>& fds);
  void process_started(const protocol::ProcessStarted& message, support::UniqueFd pidfd);
  void kill_silent() noexcept;
  void lose(std::string why);
  void tell_all_lost();
  void try_again_later();
  void out_of_memory() noexcept;
  void forget_all() noexcept;
  void send_start(Ticket ticket, Entry& entry);
  template <class Message>
  void send(const Message& message, std::span<const int> fds = {});
  void after_send(protocol::Outbox::State state);
  void watch_for_answers();
  Client* take(Ticket ticket) noexcept;

  // Fixed after construction.
  EventLoop& loop_;
  support::Log& log_;
  const std::filesystem::path program_;
  std::optional<ForkedWarden> forked_;  // until it is taken as the first
  support::UniqueFd program_fd_;        // the same file for every warden: an upgrade on disk cannot mix versions
  support::UniqueFd host_pidfd_;
  // Loop thread only.
  std::unique_ptr<Link> link_;
  std::unordered_map<Ticket, Entry> entries_;
  std::set<std::string> names_;
  std::function<void(std::string)> on_first_outcome_;  // why it failed; the constructor waits
  Ticket next_ticket_ = 1;
  std::chrono::nanoseconds backoff_{};
  std::string trouble_;
  bool is_closing_ = false;
  bool is_watching_for_answers_ = false;
  EventLoop::Timer relaunch_timer_;
  EventLoop::Timer answer_timer_;
  std::optional<EventLoop::MemoryWatch> memory_watch_;
};

}  // namespace bulkhead::process
