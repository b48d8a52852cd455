#include "process/template.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "bulkhead/error.hpp"
#include "process/exit_reason.hpp"
#include "protocol/control.hpp"
#include "support/logging.hpp"
#include "support/pidfd.hpp"

namespace bulkhead::process {

using support::Deadline;

namespace {
// As long as a worker may take that loads the plugins itself, and more: nobody waits for it.
constexpr auto kPreloadLimit = std::chrono::seconds(30);
// It answers within a millisecond. One that is stopped is done without at the first look, one that hangs in what a plugin
// has registered for fork() after three seconds.
constexpr auto kForkLimit = std::chrono::milliseconds(300);
constexpr int kMostLateLooks = 10;
}  // namespace

Template::Template(EventLoop& loop, Warden& warden, support::Log& log, std::shared_ptr<const WorkerConfig> config,
                   std::vector<std::size_t> without)
    : loop_(loop),
      warden_(warden),
      log_(log),
      config_(std::move(config)),
      without_(std::move(without)),
      process_(loop, warden, Warden::Mode::kTemplate, StartMethod::kForkserver, *this) {
  start_limit_ = loop_.at(Deadline::after(kPreloadLimit), [this] { process_.give_up("it does not get ready"); });
  process_.start();
}

Template::~Template() = default;

bool Template::is_wanted(std::size_t plugin) const noexcept {
  return !config_->plugins[plugin].is_left_out && std::ranges::find(without_, plugin) == without_.end();
}

void Template::said_hello() {
  is_ready_ = false;  // a second process, when the warden was lost meanwhile
  try {
    send_plugins();
  } catch (const Error& error) {
    process_.give_up(error.what());
  }
}

void Template::send_plugins() {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < config_->plugins.size(); ++i) count += is_wanted(i) ? 1 : 0;
  process_.send(protocol::encode(protocol::PreloadMessage{.plugin_count = count}), std::array{warden_.host_pidfd()});
  for (std::size_t i = 0; i < config_->plugins.size(); ++i) {
    if (!is_wanted(i)) continue;
    const PluginToLoad& plugin = config_->plugins[i];
    process_.send(protocol::encode(protocol::PluginMessage{
                      .name = plugin.name, .shown_path = protocol::cut_text(plugin.shown_path), .config_json = {}}),
                  std::array{plugin.fd});
  }
}

void Template::said(std::span<const std::byte> message, std::vector<support::UniqueFd>& fds) {
  if (!is_ready_) {
    if (protocol::decode<protocol::Ready>(message)) {
      is_ready_ = true;
      start_limit_.reset();
      return;
    }
    if (const auto failed = protocol::decode<protocol::Failed>(message)) return note_failure(*failed);
  } else if (const auto started = protocol::decode<protocol::ProcessStarted>(message); started && fds.size() == 1) {
    return process_started(*started, fds);
  } else if (const auto refused = protocol::decode<protocol::StartFailed>(message)) {
    if (Warden::Client* const client = take(refused->ticket)) client->process_start_failed(refused->text);
    return;
  } else if (const auto exited = protocol::decode<protocol::ProcessExited>(message)) {
    if (Warden::Client* const client = take(exited->ticket)) client->process_exited(status_of(*exited));
    return;
  } else if (const auto stopped = protocol::decode<protocol::ProcessStopped>(message)) {
    const auto at = entries_.find(stopped->ticket);
    if (at != entries_.end() && at->second.client != nullptr) at->second.client->process_stopped(stopped->is_stopped);
    return;
  }
  process_.condemn("it sent a control message that makes no sense now");
}

void Template::note_failure(const protocol::Failed& failed) {
  for (std::size_t i = 0; i < config_->plugins.size(); ++i) {
    if (config_->plugins[i].name == failed.plugin && is_wanted(i)) blamed_ = i;
  }
  log_.debug("not preloaded: " + failed.text);
  process_.expect_end();
}

void Template::process_started(const protocol::ProcessStarted& message, std::vector<support::UniqueFd>& fds) {
  const auto at = entries_.find(message.ticket);
  if (at == entries_.end()) return;
  if (at->second.client == nullptr) {  // nobody wants it any more
    support::signal_pidfd(fds.front().get(), SIGKILL);
    entries_.erase(at);
    return;
  }
  at->second.is_started = true;
  at->second.client->process_started(static_cast<pid_t>(message.pid), std::move(fds.front()));
}

void Template::ended(const ExitStatus& status, std::string text) {
  if (!is_over_ && !blamed_) {
    log_.debug(
        "a template has ended: " + describe_status(status.known, status.signal, status.exit_code, status.core_dumped) +
        (text.empty() ? "" : ": " + text));
  }
  is_over_ = true;
  start_limit_.reset();
  answer_timer_.reset();
  std::vector<Warden::Ticket> tickets;
  for (const auto& [ticket, entry] : entries_) tickets.push_back(ticket);
  for (const Warden::Ticket ticket : tickets) {
    if (Warden::Client* const client = take(ticket)) client->warden_lost();
  }
}

Warden::Ticket Template::start(Warden::StartRequest request, Warden::Client& client) {
  const Warden::Ticket ticket = next_ticket_++;
  const protocol::StartProcess message{.ticket = ticket, .mode = request.mode, .how = protocol::StartHow::kFork};
  entries_[ticket].client = &client;
  try {
    process_.send(protocol::encode(message), std::array{request.control.get()});
    watch_for_answers();
  } catch (...) {
    entries_.erase(ticket);  // our caller does not know its ticket
    throw;
  }
  return ticket;
}

void Template::forget(Warden::Ticket ticket) noexcept {
  const auto at = entries_.find(ticket);
  if (at == entries_.end()) return;
  if (at->second.is_started) {
    entries_.erase(at);
  } else {
    at->second.client = nullptr;
  }
}

Warden::Client* Template::take(Warden::Ticket ticket) noexcept {
  const auto at = entries_.find(ticket);
  if (at == entries_.end()) return nullptr;
  Warden::Client* const client = at->second.client;
  entries_.erase(at);
  return client;
}

// It is stopped: whoever did that did not mean the workers that need it.
void Template::suspect() noexcept {
  if (process_.is_stopped()) process_.condemn("it is stopped");
}

void Template::watch_for_answers() {
  if (is_watching_for_answers_) return;
  is_watching_for_answers_ = true;
  answer_timer_ = loop_.at(Deadline::after(kForkLimit), [this] {
    is_watching_for_answers_ = false;
    const bool is_waiting = std::ranges::any_of(entries_, [](const auto& entry) { return !entry.second.is_started; });
    late_looks_ = is_waiting ? late_looks_ + 1 : 0;
    if (!is_waiting) return;
    if (late_looks_ >= kMostLateLooks) return process_.condemn("it does not answer");
    suspect();
    watch_for_answers();
  });
}

}  // namespace bulkhead::process
