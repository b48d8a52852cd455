#include "process/event_loop.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "support/blocked_signals.hpp"
#include "support/fault_point.hpp"
#include "support/logging.hpp"
#include "support/system_error.hpp"

namespace bulkhead::process {

namespace {

// epoll tells these two apart from watches, whose numbers start above them.
constexpr std::uint64_t kWakeId = 0;
constexpr std::uint64_t kTimerId = 1;
constexpr std::uint64_t kFirstWatchId = 2;

void add_to_epoll(int epoll, int fd, std::uint64_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (BULKHEAD_FAULT_CALL("loop.epoll_ctl", ENOSPC, -1, ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) != 0) {
    const char* const hint = errno == ENOSPC ? "raise fs.epoll.max_user_watches" : "";
    support::raise_system_error(errno, "watch a descriptor", "descriptors", hint);
  }
}

void consume(int fd) noexcept {
  std::uint64_t count = 0;
  // Non-blocking: nothing to read is as good as something read.
  [[maybe_unused]] const auto bytes = ::read(fd, &count, sizeof count);
}

}  // namespace

EventLoop::EventLoop(support::Log* log)
    : log_(log),
      owner_pid_(::getpid()),
      epoll_(BULKHEAD_FAULT_CALL("loop.epoll_create", EMFILE, -1, ::epoll_create1(EPOLL_CLOEXEC))),
      wake_event_(BULKHEAD_FAULT_CALL("loop.eventfd", EMFILE, -1, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))),
      timer_(BULKHEAD_FAULT_CALL("loop.timerfd", EMFILE, -1,
                                 ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK))),
      next_watch_(kFirstWatchId) {
  if (!epoll_.is_open() || !wake_event_.is_open() || !timer_.is_open()) {
    support::raise_system_error(errno, "make an event loop", "descriptors");
  }
  add_to_epoll(epoll_.get(), wake_event_.get(), kWakeId);
  add_to_epoll(epoll_.get(), timer_.get(), kTimerId);

  try {
    const support::BlockedSignals blocked;  // in the new thread they are from its beginning
    BULKHEAD_FAULT_THROW("loop.thread", EAGAIN, std::system_error(EAGAIN, std::generic_category()));
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    support::raise_system_error(error.code().value(), "start the pump thread", "threads");
  }
  id_ = thread_.get_id();
  ::pthread_setname_np(thread_.native_handle(), "bulkhead-pump");
}

EventLoop::~EventLoop() {
  stop();
  while (posted_ != nullptr) {  // in a forked child, which never runs them
    Posted* const posted = std::exchange(posted_, posted_->next);
    if (posted->is_owned) delete posted;
  }
}

void EventLoop::stop() noexcept {
  if (!thread_.joinable()) return;
  if (::getpid() != owner_pid_) {
    thread_.detach();  // it exists only in our parent
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake();
  thread_.join();
}

bool EventLoop::append_locked(Posted* posted) noexcept {
  const bool is_first = posted_ == nullptr;
  *posted_end_ = posted;
  posted_end_ = &posted->next;
  return is_first;
}

void EventLoop::post(Callback function) {
  auto posted = std::make_unique<Posted>(Posted{.function = std::move(function)});
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    is_first = append_locked(posted.release());
  }
  if (is_first) wake();
}

void EventLoop::run_sync(const Callback& function) {
  struct Outcome {
    std::mutex mutex;
    std::condition_variable done;
    bool is_done = false;
    std::exception_ptr error;
  };
  if (is_loop_thread()) return function();
  Outcome outcome;
  // Two references: they fit into a std::function without memory of its own.
  Posted posted{.function =
                    [&] {
                      std::exception_ptr error;
                      try {
                        function();
                      } catch (...) {
                        error = std::current_exception();
                      }
                      // Told under the lock: the waiter owns `outcome` and destroys it as soon as it sees is_done.
                      const std::lock_guard done_lock(outcome.mutex);
                      outcome.error = std::move(error);
                      outcome.is_done = true;
                      outcome.done.notify_one();
                    },
                .is_owned = false};
  {
    std::unique_lock lock(mutex_);
    if (has_ended_) {
      lock.unlock();
      return function();
    }
    append_locked(&posted);
  }
  wake();
  std::unique_lock lock(outcome.mutex);
  outcome.done.wait(lock, [&] { return outcome.is_done; });
  if (outcome.error) std::rethrow_exception(outcome.error);
}

EventLoop::Watch EventLoop::watch(int fd, Callback on_ready) {
  const std::uint64_t id = next_watch_++;
  watches_.emplace(id, std::pair(fd, std::make_shared<Callback>(std::move(on_ready))));
  try {
    add_to_epoll(epoll_.get(), fd, id);
  } catch (...) {
    watches_.erase(id);
    throw;
  }
  return Watch(*this, id);
}

void EventLoop::Watch::reset() noexcept {
  EventLoop* const loop = std::exchange(loop_, nullptr);
  if (loop == nullptr) return;
  const auto at = loop->watches_.find(id_);
  if (at == loop->watches_.end()) return;
  // A forked child shares the epoll instance itself: it must not take its parent's descriptors out
  // of it.
  if (::getpid() == loop->owner_pid_) {
    ::epoll_ctl(loop->epoll_.get(), EPOLL_CTL_DEL, at->second.first, nullptr);
  }
  loop->watches_.erase(at);
}

EventLoop::Timer EventLoop::at(support::Deadline deadline, Callback on_passed) {
  const std::lock_guard lock(mutex_);
  const Timer::Key key(deadline.when(), next_timer_++);
  timers_.emplace(key, std::move(on_passed));
  if (key.first < armed_) arm_locked(key.first);
  return Timer(*this, key);
}

void EventLoop::Timer::reset() noexcept {
  EventLoop* const loop = std::exchange(loop_, nullptr);
  if (loop == nullptr) return;
  Callback doomed;  // destroyed outside the lock: it may own anything
  {
    const std::lock_guard lock(loop->mutex_);
    const auto at = loop->timers_.find(key_);
    if (at == loop->timers_.end()) return;
    // The descriptor stays armed: one early wake-up is cheaper than a system call each time.
    doomed = std::move(at->second);
    loop->timers_.erase(at);
  }
}

void EventLoop::arm_locked(Clock::time_point when) noexcept {
  armed_ = when;
  itimerspec spec{};
  if (when != Clock::time_point::max()) {
    // Both are CLOCK_MONOTONIC. Zero would disarm: what is long past becomes one nanosecond.
    const auto since = std::chrono::nanoseconds(when.time_since_epoch()).count();
    const auto nanoseconds = since > 0 ? since : 1;
    spec.it_value.tv_sec = nanoseconds / 1'000'000'000;
    spec.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  }
  BULKHEAD_FAULT_POINT("loop.arm");
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void EventLoop::run() noexcept {
  for (;;) {
    handle_ready_descriptors(-1);
    run_due_timers();
    run_posted();
    if (is_out_of_memory_.exchange(false)) tell_out_of_memory();
    const std::lock_guard lock(mutex_);
    if (is_stopping_ && posted_ == nullptr) {
      has_ended_ = true;
      return;
    }
  }
}

void EventLoop::handle_ready_descriptors(int timeout_ms) {
  std::array<epoll_event, 64> events;
  const int count =
      BULKHEAD_FAULT_CALL("loop.epoll_wait", EINTR, -1,
                          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms));
  for (int i = 0; i < count; ++i) {  // EINTR: -1, none
    const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
    if (id == kWakeId) {
      consume(wake_event_.get());
    } else if (id == kTimerId) {
      consume(timer_.get());
    } else if (const auto at = watches_.find(id); at != watches_.end()) {
      // A copy: the callback may destroy its Watch, and with it this entry. An earlier callback of
      // this round may have done so already, which is why entries are found by number.
      const auto callback = at->second.second;
      call(*callback);
    }
  }
}

void EventLoop::run_posted() {
  Posted* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    next = std::exchange(posted_, nullptr);
    posted_end_ = &posted_;
  }
  while (next != nullptr) {
    Posted* const posted = next;
    next = posted->next;  // before it runs: one of run_sync() is gone then
    const std::unique_ptr<Posted> owned(posted->is_owned ? posted : nullptr);
    call(posted->function);
  }
}

void EventLoop::run_due_timers() {
  for (;;) {
    Callback due;
    {
      const std::lock_guard lock(mutex_);
      const auto nearest = timers_.begin();
      const auto when = nearest == timers_.end() ? Clock::time_point::max() : nearest->first.first;
      if (when > Clock::now()) {
        // Still armed for something later or equal: nothing to do. Armed for the past: it has
        // fired.
        if (armed_ != when && armed_ <= Clock::now()) arm_locked(when);
        return;
      }
      due = std::move(nearest->second);
      timers_.erase(nearest);
    }
    call(due);
  }
}

void EventLoop::wake() noexcept {
  const std::uint64_t one = 1;
  // Full (2^64 - 2 wake-ups unread) is as good as written.
  BULKHEAD_FAULT_POINT("loop.wake");
  [[maybe_unused]] const auto bytes = ::write(wake_event_.get(), &one, sizeof one);
}

void EventLoop::call(const Callback& function) noexcept {
  try {
    function();
  } catch (const std::bad_alloc&) {
    is_out_of_memory_ = true;
  } catch (const std::exception& error) {
    try {
      if (log_ != nullptr) log_->error(std::string("the pump thread goes on after: ") + error.what());
    } catch (const std::bad_alloc&) {  // then it goes on without a word
    }
  } catch (...) {
    if (log_ != nullptr) log_->error("the pump thread goes on after an unknown exception");
  }
}

void EventLoop::out_of_memory() noexcept {
  is_out_of_memory_ = true;
  wake();
}

void EventLoop::tell_out_of_memory() noexcept {
  if (log_ != nullptr) log_->error("the pump thread is out of memory: what it was doing is given up");
  for (MemoryWatch* watch = memory_watches_; watch != nullptr; watch = watch->next_) watch->callback_();
}

EventLoop::MemoryWatch::MemoryWatch(EventLoop& loop, Callback on_out_of_memory)
    : loop_(loop), callback_(std::move(on_out_of_memory)), next_(std::exchange(loop.memory_watches_, this)) {}

EventLoop::MemoryWatch::~MemoryWatch() {
  MemoryWatch** link = &loop_.memory_watches_;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

}  // namespace bulkhead::process
