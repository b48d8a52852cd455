// The host's side of a template: a process that has loaded a pool's plugins and forks ready workers. It is asked like the
// warden, and can be thrown away at any time: whoever asked it for a process is told as if a warden were lost, and asks the
// warden.
//
// Ownership: borrows loop, warden and log, which outlive it. Destroying it kills the template, not the workers forked from
//            it: the warden adopts them, but how they end is then not known. So those that it started hold it.
// Threads:   the loop's.
// Failure:   is_over(), and what blamed() says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "process/event_loop.hpp"
#include "process/managed_process.hpp"
#include "process/warden_client.hpp"
#include "process/worker.hpp"

namespace bulkhead::process {

class Template final : private ManagedProcess::Listener {
 public:
  // Asks for it; it is ready some time later. Of the configuration's plugins it loads those that are not left out and whose
  // number is not in `without`.
  Template(EventLoop& loop, Warden& warden, support::Log& log, std::shared_ptr<const WorkerConfig> config,
           std::vector<std::size_t> without);
  ~Template() override;

  [[nodiscard]] const std::shared_ptr<const WorkerConfig>& config() const noexcept { return config_; }
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_ && !is_over_; }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  // What keeps messages from it; empty: nothing is known to be wrong.
  [[nodiscard]] std::string trouble() const { return process_.trouble(); }
  // The plugin that cannot be preloaded, by its number; empty: it is over for another reason.
  [[nodiscard]] std::optional<std::size_t> blamed() const noexcept { return blamed_; }

  // As of the warden. Requires: is_ready().
  [[nodiscard]] Warden::Ticket start(Warden::StartRequest request, Warden::Client& client);
  void forget(Warden::Ticket ticket) noexcept;
  void suspect() noexcept;

 private:
  struct Entry {
    Warden::Client* client = nullptr;  // null: forgotten before it started
    bool is_started = false;
  };

  void said_hello() override;
  void said(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) override;
  void ended(const ExitStatus& status, std::string text) override;

  [[nodiscard]] bool is_wanted(std::size_t plugin) const noexcept;
  void send_plugins();
  void process_started(const protocol::ProcessStarted& message, std::vector<support::UniqueFd>& fds);
  Warden::Client* take(Warden::Ticket ticket) noexcept;
  void watch_for_answers();
  void note_failure(const protocol::Failed& failed);

  EventLoop& loop_;
  Warden& warden_;
  support::Log& log_;
  const std::shared_ptr<const WorkerConfig> config_;
  const std::vector<std::size_t> without_;
  bool is_ready_ = false;
  bool is_over_ = false;
  std::optional<std::size_t> blamed_;
  std::unordered_map<Warden::Ticket, Entry> entries_;
  Warden::Ticket next_ticket_ = 1;
  bool is_watching_for_answers_ = false;
  int late_looks_ = 0;  // in a row
  ManagedProcess process_;
  EventLoop::Timer start_limit_;
  EventLoop::Timer answer_timer_;
};

}  // namespace bulkhead::process
