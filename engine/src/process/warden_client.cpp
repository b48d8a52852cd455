#include "process/warden_client.hpp"

#include <fcntl.h>
#include <poll.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <future>
#include <utility>

#include "bulkhead/error.hpp"
#include "process/spawn.hpp"
#include "support/logging.hpp"
#include "support/pidfd.hpp"
#include "support/system_error.hpp"

namespace bulkhead::process {

using ipc::ControlSocket;
using support::Deadline;
using support::UniqueFd;

namespace {

constexpr auto kHelloLimit = std::chrono::seconds(10);
constexpr auto kQuitLimit = std::chrono::seconds(5);
constexpr auto kFirstBackoff = std::chrono::milliseconds(10);
constexpr auto kLastBackoff = std::chrono::milliseconds(320);  // a new warden within a second, whatever kills it
// A warden that lived this long was a good one: the next may start without delay.
constexpr auto kGoodLife = std::chrono::seconds(1);
constexpr auto kAnnounceLimit = std::chrono::milliseconds(100);
constexpr auto kResendPause = std::chrono::milliseconds(5);
// The usual answer takes a millisecond; a stopped warden must be replaced within a second.
constexpr auto kAnswerLimit = std::chrono::milliseconds(300);

UniqueFd open_self() {
  UniqueFd self = support::open_pidfd(::getpid());
  if (!self.is_open()) support::raise_system_error(errno, "open this process's pidfd", "descriptors");
  return self;
}

// 'T' for a process that is stopped by a signal (not by a debugger).
bool is_stopped(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && name_end + 2 < line.size() && line[name_end + 2] == 'T';
}

[[noreturn]] void raise_unusable(const std::filesystem::path& program, const std::string& why) {
  const std::string hint =
      "is it the bulkhead-worker of this installation? the option for the worker program and "
      "$BULKHEAD_WORKER choose another";
  detail::raise<ResourceError>("cannot run the worker program \"" + program.string() + "\": " + why + " (" + hint + ")",
                               {.resource = "processes", .hint = hint});
}

}  // namespace

ExitStatus status_of(const protocol::ProcessExited& exited) noexcept {
  return {.known = true,
          .signal = exited.signal,
          .exit_code = exited.exit_code,
          .core_dumped = exited.core_dumped,
          .max_rss_bytes = exited.max_rss_bytes,
          .user_time = std::chrono::nanoseconds(exited.user_time_ns),
          .system_time = std::chrono::nanoseconds(exited.system_time_ns),
          .is_memory_short = exited.is_memory_short};
}

Warden::Warden(EventLoop& loop, support::Log& log, std::filesystem::path worker_program,
               std::optional<ForkedWarden> forked)
    : loop_(loop),
      log_(log),
      program_(std::move(worker_program)),
      forked_(std::move(forked)),
      program_fd_(forked_ ? std::move(forked_->program) : open_program(program_)),
      host_pidfd_(open_self()) {
  std::promise<std::string> first_outcome;
  try {
    loop_.run_sync([&] {
      memory_watch_.emplace(loop_, [this] { out_of_memory(); });
      on_first_outcome_ = [&](std::string why) { first_outcome.set_value(std::move(why)); };
      launch();
    });
  } catch (...) {
    loop_.run_sync([&] { forget_all(); });
    throw;
  }
  const std::string why = first_outcome.get_future().get();
  // The loop thread may still be in the callback that told it.
  loop_.run_sync([&] {
    on_first_outcome_ = nullptr;
    if (!why.empty()) forget_all();
  });
  if (!why.empty()) raise_unusable(program_, why);
}

void Warden::forget_all() noexcept {
  memory_watch_.reset();
  relaunch_timer_.reset();
  answer_timer_.reset();
  link_.reset();
}

// A warden that may have been heard only in part is given up; one that is up is asked the same again by whoever wants to.
void Warden::out_of_memory() noexcept {
  is_watching_for_answers_ = false;
  if (is_closing_ || (link_ && link_->is_up && !on_first_outcome_)) return;
  if (link_) kill_silent();
  if (auto tell = std::exchange(on_first_outcome_, nullptr)) {
    is_closing_ = true;
    return tell("no memory");  // short: it has none of its own
  }
  try {
    link_.reset();
    try_again_later();
  } catch (const std::bad_alloc&) {  // workers that are to start will say that there is no warden
  }
}

Warden::~Warden() {
  UniqueFd last;
  loop_.run_sync([&] {
    is_closing_ = true;
    memory_watch_.reset();
    relaunch_timer_.reset();
    answer_timer_.reset();
    entries_.clear();
    if (!link_) return;
    try {
      if (link_->is_up) send(protocol::Quit{});
    } catch (const std::bad_alloc&) {  // see below
    }
    kill_silent();
    last = std::move(link_->pidfd);
    link_.reset();  // its end of the socket says the same, should the message not have found room
  });
  if (!last.is_open()) return;
  pollfd gone{last.get(), POLLIN, 0};
  const auto deadline = Deadline::after(kQuitLimit);
  while (::poll(&gone, 1, deadline.poll_timeout_ms()) < 0 && errno == EINTR) {
  }
  if (gone.revents == 0) {
    log_.warn("the warden does not end by itself, it is killed");
    support::signal_pidfd(last.get(), SIGKILL);
  }
}

// Null: it cannot be executed, and that was told.
std::unique_ptr<Warden::Link> Warden::make_link() {
  if (forked_) {
    auto link = std::make_unique<Link>(std::move(forked_->socket));
    link->is_copy = true;
    forked_.reset();
    return link;
  }
  auto [ours, theirs] = ControlSocket::pair();
  auto link = std::make_unique<Link>(std::move(ours));
  pid_t pid = -1;
  const int error = spawn_program(program_fd_.get(), program_.c_str(), protocol::kWardenArgument, theirs.fd(), pid);
  if (error != 0) {
    link_ = std::move(link);
    lose("it cannot be executed: " + support::errno_text(error));
    return nullptr;
  }
  link->silent_pidfd = support::open_pidfd(pid);
  return link;
}

void Warden::launch() {
  auto link = make_link();
  if (!link) return;
  link_ = std::move(link);
  try {
    link_->socket_watch = loop_.watch(link_->socket.fd(), [this] { read_socket(); });
    link_->hello_timer = loop_.at(Deadline::after(kHelloLimit), [this] {
      const std::string trouble = link_->outbox.trouble();
      lose(trouble.empty() ? "it does not answer" : "it cannot be talked to: " + trouble);
    });
    send(protocol::HostHello{std::string(protocol::build_id())}, std::array{host_pidfd_.get()});
  } catch (...) {
    kill_silent();
    link_.reset();
    throw;
  }
}

void Warden::read_socket() {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;
  while (link_) {  // what is said may end it
    switch (link_->socket.try_receive(bytes, fds)) {
      case ControlSocket::Received::kReceived:
        handle(bytes, fds);
        break;
      case ControlSocket::Received::kDeadlinePassed:
        return;
      case ControlSocket::Received::kPeerGone:
        return lose("it has ended");
      case ControlSocket::Received::kMalformed:
        return lose(
            "it sent a message that is not whole, or this process has no descriptor left for what came with it");
    }
  }
}

void Warden::handle(std::span<const std::byte> bytes, std::vector<UniqueFd>& fds) {
  if (!link_->is_up) {
    if (const auto hello = protocol::decode<protocol::WardenHello>(bytes)) {
      return said_hello(*hello, fds);
    }
    return lose("it is no worker program");
  }
  if (const auto started = protocol::decode<protocol::ProcessStarted>(bytes)) {
    if (fds.size() != 1) return lose("it sent a process without its pidfd");
    return process_started(*started, std::move(fds.front()));
  }
  if (const auto failed = protocol::decode<protocol::StartFailed>(bytes)) {
    if (Client* const client = take(failed->ticket)) client->process_start_failed(failed->text);
    return;
  }
  if (const auto exited = protocol::decode<protocol::ProcessExited>(bytes)) {
    if (Client* const client = take(exited->ticket)) client->process_exited(status_of(*exited));
    return;
  }
  if (const auto stopped = protocol::decode<protocol::ProcessStopped>(bytes)) {
    const auto at = entries_.find(stopped->ticket);
    if (at != entries_.end() && at->second.client != nullptr) {
      at->second.client->process_stopped(stopped->is_stopped);
    }
    return;
  }
  lose("it sent a message nobody knows");
}

void Warden::said_hello(const protocol::WardenHello& hello, std::vector<UniqueFd>& fds) {
  if (hello.build != protocol::build_id()) {
    return lose("it is of another build: \"" + hello.build + "\", this library is \"" +
                std::string(protocol::build_id()) + "\"");
  }
  if (fds.size() != 1) return lose("it did not send its pidfd");
  link_->silent_pidfd.reset();
  link_->hello_timer.reset();
  link_->is_up = true;
  link_->pid = static_cast<pid_t>(hello.pid);
  link_->pidfd = std::move(fds.front());
  link_->up_since = Deadline::Clock::now();
  // Its socket can stay open in a process it just forked, so its death is heard here too.
  link_->pidfd_watch = loop_.watch(link_->pidfd.get(), [this] {
    link_->pidfd_watch.reset();
    read_socket();  // its last words
    if (link_) lose("it has ended");
  });
  trouble_.clear();
  for (const auto& name : names_) send(protocol::NameAnnounced{name});
  std::vector<Ticket> waiting;
  for (const auto& [ticket, entry] : entries_) waiting.push_back(ticket);
  std::sort(waiting.begin(), waiting.end());  // in the order asked for
  for (const Ticket ticket : waiting) send_start(ticket, entries_.at(ticket));
  if (auto tell = std::exchange(on_first_outcome_, nullptr)) tell({});
}

void Warden::process_started(const protocol::ProcessStarted& message, UniqueFd pidfd) {
  const auto at = entries_.find(message.ticket);
  if (at == entries_.end()) return;
  if (at->second.client == nullptr) {  // nobody wants it any more
    support::signal_pidfd(pidfd.get(), SIGKILL);
    entries_.erase(at);
    return;
  }
  at->second.is_started = true;
  at->second.client->process_started(static_cast<pid_t>(message.pid), std::move(pidfd));
}

// A program that did not say hello may be anything, and may not leave by itself.
void Warden::kill_silent() noexcept {
  if (link_->silent_pidfd.is_open()) support::signal_pidfd(link_->silent_pidfd.get(), SIGKILL);
  link_->silent_pidfd.reset();
}

void Warden::lose(std::string why) {
  kill_silent();
  const bool was_up = link_->is_up;
  if (was_up) {
    // It may only have become unintelligible.
    support::signal_pidfd(link_->pidfd.get(), SIGKILL);
    if (Deadline::Clock::now() - link_->up_since >= kGoodLife) backoff_ = {};
  }
  const bool was_copy = link_->is_copy;
  link_.reset();
  answer_timer_.reset();
  is_watching_for_answers_ = false;
  trouble_ = "the warden is lost: " + why;
  if (auto tell = std::exchange(on_first_outcome_, nullptr)) {
    is_closing_ = true;
    return tell(std::move(why));
  }
  log_.warn(trouble_ + "; running tasks go on, a new one is started");
  if (was_copy) {
    log_.warn(
        "the lost warden was a copy of this program: workers that start from now on are forked from the worker "
        "program instead (make a new engine for more copies)");
  }
  try_again_later();
  if (was_up) tell_all_lost();
}

void Warden::tell_all_lost() {
  std::vector<Ticket> told;
  for (const auto& [ticket, entry] : entries_) {
    if (entry.is_sent) told.push_back(ticket);
  }
  for (const Ticket ticket : told) {
    if (Client* const client = take(ticket)) client->warden_lost();
  }
}

void Warden::try_again_later() {
  if (is_closing_) return;
  backoff_ = std::clamp<std::chrono::nanoseconds>(backoff_ * 2, kFirstBackoff, kLastBackoff);
  relaunch_timer_ = loop_.at(Deadline::after(backoff_), [this] {
    try {
      launch();
    } catch (const Error& error) {
      log_.warn(std::string("cannot start a warden: ") + error.what());
      trouble_ = error.what();
      try_again_later();
    }
  });
}

Warden::Ticket Warden::start(StartRequest request, Client& client) {
  const Ticket ticket = next_ticket_++;
  Entry& entry = entries_[ticket];
  entry.client = &client;
  entry.request = std::move(request);
  try {
    if (link_ && link_->is_up) send_start(ticket, entry);
  } catch (...) {
    entries_.erase(ticket);  // nobody knows its ticket
    throw;
  }
  return ticket;
}

// A copy of the host makes copies of the host only for those who ask for them.
protocol::StartHow Warden::how_to_start(StartMethod method) const noexcept {
  const bool is_forked = link_->is_copy ? method == StartMethod::kFork : method != StartMethod::kSpawn;
  return is_forked ? protocol::StartHow::kFork : protocol::StartHow::kExecute;
}

void Warden::send_start(Ticket ticket, Entry& entry) {
  const protocol::StartProcess message{
      .ticket = ticket,
      .mode = entry.request.mode,
      .how = how_to_start(entry.request.method),
  };
  const UniqueFd control = std::move(entry.request.control);
  entry.is_sent = true;
  try {
    send(message, std::array{control.get()});
  } catch (const ResourceError& error) {
    // Told from the loop: our caller does not know its ticket yet.
    loop_.post([this, ticket, text = std::string(error.what())] {
      if (Client* const client = take(ticket)) client->process_start_failed(text);
    });
    return;
  }
  watch_for_answers();
}

void Warden::forget(Ticket ticket) noexcept {
  const auto at = entries_.find(ticket);
  if (at == entries_.end()) return;
  if (at->second.is_sent && !at->second.is_started) {
    at->second.client = nullptr;
  } else {
    entries_.erase(at);
  }
}

Warden::Client* Warden::take(Ticket ticket) noexcept {
  const auto at = entries_.find(ticket);
  if (at == entries_.end()) return nullptr;
  Client* const client = at->second.client;
  entries_.erase(at);
  return client;
}

void Warden::announce_name(const std::string& name) {
  names_.insert(name);
  if (!link_ || !link_->is_up) return;
  try {
    send(protocol::NameAnnounced{name});
  } catch (...) {
    names_.erase(name);
    throw;
  }
  // In the kernel's hands it is safe, whatever becomes of this process. When very many starts are
  // under way the warden is a little behind: rather hold up the loop a moment than leave a name for
  // ever.
  const auto deadline = Deadline::after(kAnnounceLimit);
  while (!link_->outbox.is_empty() && !deadline.has_passed()) {
    pollfd room{link_->socket.fd(), POLLOUT, 0};
    ::poll(&room, 1, deadline.poll_timeout_ms());
    if (link_->outbox.flush(link_->socket) == protocol::Outbox::State::kPeerGone) return;
  }
}

void Warden::forget_name(const std::string& name) noexcept {
  try {
    if (names_.erase(name) != 0 && link_ && link_->is_up) send(protocol::NameForgotten{name});
  } catch (...) {  // then the warden looks for it once more in the end
  }
}

template <class Message>
void Warden::send(const Message& message, std::span<const int> fds) {
  after_send(link_->outbox.send(link_->socket, protocol::encode(message), fds));
}

void Warden::after_send(protocol::Outbox::State state) {
  // A peer that is gone is handled where its last words are read, so that none of them is lost and
  // no caller finds the link gone in the middle of its work.
  if (state != protocol::Outbox::State::kWaiting) return;
  link_->flush_timer =
      loop_.at(Deadline::after(kResendPause), [this] { after_send(link_->outbox.flush(link_->socket)); });
}

void Warden::watch_for_answers() {
  if (is_watching_for_answers_) return;
  is_watching_for_answers_ = true;
  answer_timer_ = loop_.at(Deadline::after(kAnswerLimit), [this] {
    is_watching_for_answers_ = false;
    const bool is_waiting = std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) {
      return entry.second.is_sent && !entry.second.is_started;
    });
    if (!is_waiting) return;
    suspect();
    watch_for_answers();
  });
}

void Warden::suspect() noexcept {
  if (!link_ || !link_->is_up || !is_stopped(link_->pid)) return;
  log_.warn("the warden is stopped, it is replaced");
  support::signal_pidfd(link_->pidfd.get(), SIGKILL);
}

}  // namespace bulkhead::process
