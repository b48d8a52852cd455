// Something that squares a number somewhere else: another process, another thread. Each is written as somebody who knows
// it well would, and warmed up before it is measured.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead::bench {

class Peer {
 public:
  explicit Peer(std::string name) : name_(std::move(name)) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // One call; waits for the result.
  virtual std::int64_t call(std::int64_t x) = 0;
  // The squares of 0 to count - 1, as many as possible under way at the same time. Returns their sum (modulo 2^64).
  virtual std::uint64_t call_ahead(std::int64_t count) = 0;
  // Other processes that work for it.
  [[nodiscard]] virtual std::vector<pid_t> processes() const { return {}; }

 private:
  std::string name_;
};

// Tells the processor that this is a waiting loop.
inline void relax_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

using PeerPtr = std::unique_ptr<Peer>;

// What everybody calculates. Not inlined: a compiler that sees through would leave nothing to do.
[[gnu::noinline]] std::int64_t square(std::int64_t x);
// What call_ahead(count) must return.
[[nodiscard]] std::uint64_t sum_of_squares(std::int64_t count);

// Those built on libraries that were not there when this program was built give nullptr.
[[nodiscard]] PeerPtr make_asio_pool(int threads);      // boost::asio::thread_pool; promise and future per call
[[nodiscard]] PeerPtr make_onetbb_arena();              // task_arena::enqueue, the caller spins on an atomic
[[nodiscard]] PeerPtr make_onetbb_task_group();         // task_group on 2 threads; results into an array
[[nodiscard]] PeerPtr make_std_async();                 // a thread per call
[[nodiscard]] PeerPtr make_message_queue(int workers);  // boost message_queue both ways, forked workers
[[nodiscard]] PeerPtr make_seqpacket_worker();          // a unix socket to a forked worker
[[nodiscard]] PeerPtr make_zeromq_worker();             // ZeroMQ ipc to a forked worker
// What the machine allows; neither can send ahead.
[[nodiscard]] PeerPtr make_raw_semaphores();  // two semaphores, a process at each end
[[nodiscard]] PeerPtr make_raw_spin();        // two cache lines, a process spinning at each end

}  // namespace bulkhead::bench
