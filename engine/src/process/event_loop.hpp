// One thread that waits for everything at once: descriptors, deadlines, and functions other threads
// hand it.
//
// It is the pump thread ("bulkhead-pump"). All signals are blocked in it, so an embedding program's
// handlers run elsewhere. Idle, it uses no CPU: it sleeps in one epoll_wait without a limit.
//
// Ownership: handles (Watch, Timer) refer to their loop, which outlives them.
// Threads:   post(), run_sync(), at() and is_loop_thread() from any; watch(), and destroying a
//            Watch, on the loop thread or after stop().
// Failure:   ResourceError from the constructor and from watch(). A callback's exception is logged
//            and the loop goes on. An allocation that failed leaves what was being done half done: whoever keeps a
//            MemoryWatch is told, and brings what it owns into a state that it knows. run_sync() and stop() allocate
//            nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "support/deadline.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::support {
class Log;
}

namespace bulkhead::process {

class EventLoop {
 public:
  using Callback = std::function<void()>;

  // Unregisters its descriptor when destroyed: the callback never runs after that. Destroy it
  // before the descriptor is closed. A callback may destroy its own Watch.
  class Watch {
   public:
    Watch() noexcept = default;
    Watch(Watch&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}
    Watch& operator=(Watch&& other) noexcept {
      if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        id_ = other.id_;
      }
      return *this;
    }
    ~Watch() { reset(); }
    void reset() noexcept;
    [[nodiscard]] bool is_active() const noexcept { return loop_ != nullptr; }

   private:
    friend class EventLoop;
    Watch(EventLoop& loop, std::uint64_t id) noexcept : loop_(&loop), id_(id) {}
    EventLoop* loop_ = nullptr;
    std::uint64_t id_ = 0;
  };

  // Takes its deadline back when destroyed. On the loop thread that is final; destroyed elsewhere,
  // the callback may just be running.
  class Timer {
   public:
    Timer() noexcept = default;
    Timer(Timer&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_) {}
    Timer& operator=(Timer&& other) noexcept {
      if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        key_ = other.key_;
      }
      return *this;
    }
    ~Timer() { reset(); }
    void reset() noexcept;

   private:
    friend class EventLoop;
    using Key = std::pair<support::Deadline::Clock::time_point, std::uint64_t>;
    Timer(EventLoop& loop, Key key) noexcept : loop_(&loop), key_(key) {}
    EventLoop* loop_ = nullptr;
    Key key_;
  };

  // Tells, on the loop thread and outside of every callback, that an allocation failed in one, or that
  // out_of_memory() was called. What it runs must not throw. Made and destroyed on the loop thread, or after stop().
  class MemoryWatch {
   public:
    MemoryWatch(EventLoop& loop, Callback on_out_of_memory);
    ~MemoryWatch();
    MemoryWatch(const MemoryWatch&) = delete;
    MemoryWatch& operator=(const MemoryWatch&) = delete;

   private:
    friend class EventLoop;
    EventLoop& loop_;
    const Callback callback_;
    MemoryWatch* next_;
  };

  // Starts the thread. `log`, when there is one, outlives the loop.
  explicit EventLoop(support::Log* log = nullptr);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs what was posted before it, ends the thread and waits for it. Twice is once. Not from the
  // loop thread. In a forked child, which has no such thread, it only forgets it.
  void stop() noexcept;

  [[nodiscard]] bool is_loop_thread() const noexcept { return std::this_thread::get_id() == id_; }

  // Runs `function` on the loop thread soon, in the order posted. Dropped once stop() was called.
  void post(Callback function);

  // The same, and waits until it has run; what it throws is thrown here. On the loop thread, and
  // once that has ended, it is simply run.
  void run_sync(const Callback& function);

  // For who cannot post what has to be done: those who keep a MemoryWatch are told.
  void out_of_memory() noexcept;

  // Calls `on_ready` whenever `fd` is readable, at its end or broken, until the Watch is destroyed.
  [[nodiscard]] Watch watch(int fd, Callback on_ready);

  // Calls `on_passed` once, when `deadline` has passed. A deadline that is not the nearest costs no
  // system call.
  [[nodiscard]] Timer at(support::Deadline deadline, Callback on_passed);

 private:
  using Clock = support::Deadline::Clock;

  void run() noexcept;
  void handle_ready_descriptors(int timeout_ms);
  void run_posted();
  void run_due_timers();
  void wake() noexcept;
  void call(const Callback& function) noexcept;
  void arm_locked(Clock::time_point when) noexcept;
  void tell_out_of_memory() noexcept;

  // In the order posted. Those of run_sync() live on their callers' stacks.
  struct Posted {
    Callback function;
    bool is_owned = true;
    Posted* next = nullptr;
  };
  // The lock is held. True: it is the first.
  bool append_locked(Posted* posted) noexcept;

  // Fixed after construction.
  support::Log* const log_;
  const int owner_pid_;
  support::UniqueFd epoll_;
  support::UniqueFd wake_event_;
  support::UniqueFd timer_;
  std::thread::id id_;

  // Loop thread only; anybody's once it has ended.
  std::unordered_map<std::uint64_t, std::pair<int, std::shared_ptr<Callback>>> watches_;
  std::uint64_t next_watch_;
  MemoryWatch* memory_watches_ = nullptr;

  std::atomic<bool> is_out_of_memory_ = false;

  std::mutex mutex_;
  // Guarded by mutex_.
  Posted* posted_ = nullptr;
  Posted** posted_end_ = &posted_;
  std::map<Timer::Key, Callback> timers_;
  std::uint64_t next_timer_ = 0;
  Clock::time_point armed_ = Clock::time_point::max();
  bool is_stopping_ = false;
  bool has_ended_ = false;  // the last function has been run

  std::thread thread_;
};

}  // namespace bulkhead::process
