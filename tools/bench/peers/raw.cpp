// What the machine allows: a number goes to another process and its square comes back, with nothing around it.
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <random>
#include <stdexcept>
#include <system_error>

#include "child.hpp"
#include "peers/peer.hpp"

namespace bulkhead::bench {

namespace {

// Memory that a forked child shares.
template <class T>
class SharedObject {
 public:
  SharedObject() : memory_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "no shared memory");
    new (memory_) T();
  }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  ~SharedObject() { ::munmap(memory_, sizeof(T)); }
  T* operator->() const { return static_cast<T*>(memory_); }

 private:
  void* memory_;
};

// A named semaphore, as the doorbell of a worker is; the child inherits it, so the name can go at once.
class NamedSemaphore {
 public:
  NamedSemaphore() {
    std::random_device random;
    const auto name = "/bulkhead-bench." + std::to_string(::getpid()) + "." + std::to_string(random());
    semaphore_ = ::sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 0);
    if (semaphore_ == SEM_FAILED) throw std::system_error(errno, std::generic_category(), "no semaphore");
    ::sem_unlink(name.c_str());
  }
  NamedSemaphore(const NamedSemaphore&) = delete;
  NamedSemaphore& operator=(const NamedSemaphore&) = delete;
  ~NamedSemaphore() { ::sem_close(semaphore_); }

  void post() { ::sem_post(semaphore_); }
  void wait() {
    while (::sem_wait(semaphore_) != 0 && errno == EINTR) {
    }
  }

 private:
  sem_t* semaphore_;
};

struct Cells {
  alignas(64) std::atomic<std::int64_t> request = 0;
  alignas(64) std::atomic<std::int64_t> answer = 0;
};

class RoundTripOnly : public Peer {
 public:
  using Peer::Peer;
  std::uint64_t call_ahead(std::int64_t) override { throw std::logic_error(name() + " has one call at a time"); }
};

class RawSemaphores final : public RoundTripOnly {
 public:
  RawSemaphores() : RoundTripOnly("raw semaphores"), worker_(start()) {}

  std::int64_t call(std::int64_t x) override {
    cells_->request.store(x, std::memory_order_relaxed);
    there_.post();
    back_.wait();
    return cells_->answer.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::vector<pid_t> processes() const override { return {worker_.pid()}; }

 private:
  Child start() {
    return Child::fork_and_run([this] {
      for (;;) {
        there_.wait();
        cells_->answer.store(square(cells_->request.load(std::memory_order_relaxed)), std::memory_order_relaxed);
        back_.post();
      }
    });
  }

  SharedObject<Cells> cells_;
  NamedSemaphore there_;
  NamedSemaphore back_;
  Child worker_;
};

// Both sides count the calls. Its process spins for as long as it lives: make one only for the time it is measured.
class RawSpin final : public RoundTripOnly {
 public:
  RawSpin() : RoundTripOnly("raw spin on two cache lines"), worker_(start()) {}

  std::int64_t call(std::int64_t x) override {
    const std::int64_t turn = ++turn_;
    cells_->request.store(turn, std::memory_order_release);
    while (cells_->answer.load(std::memory_order_acquire) != turn) relax_cpu();
    return square(x);
  }
  [[nodiscard]] std::vector<pid_t> processes() const override { return {worker_.pid()}; }

 private:
  Child start() {
    return Child::fork_and_run([this] {
      for (std::int64_t turn = 1;; ++turn) {
        while (cells_->request.load(std::memory_order_acquire) != turn) relax_cpu();
        cells_->answer.store(turn, std::memory_order_release);
      }
    });
  }

  SharedObject<Cells> cells_;
  std::int64_t turn_ = 0;
  Child worker_;
};

}  // namespace

PeerPtr make_raw_semaphores() { return std::make_unique<RawSemaphores>(); }
PeerPtr make_raw_spin() { return std::make_unique<RawSpin>(); }

}  // namespace bulkhead::bench
