#include "peers/peer.hpp"

#if BULKHEAD_BENCH_HAS_ZMQ

#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "child.hpp"

namespace bulkhead::bench {

namespace {

// Below ZeroMQ's default high-water mark of 1000, so that nobody waits for room.
constexpr std::int64_t kRequestsAhead = 900;

// A dealer at each end of a unix socket.
class ZeroMqWorker final : public Peer {
 public:
  ZeroMqWorker() : Peer("ZeroMQ ipc, 1 worker"), address_(make_address()), worker_(start()) {
    context_ = ::zmq_ctx_new();
    socket_ = ::zmq_socket(context_, ZMQ_DEALER);
    const int linger = 0;
    ::zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger);
    if (::zmq_bind(socket_, address_.c_str()) != 0) {
      throw std::runtime_error(std::string("ZeroMQ cannot bind: ") + ::zmq_strerror(::zmq_errno()));
    }
  }
  ~ZeroMqWorker() override {
    ::zmq_close(socket_);
    ::zmq_ctx_term(context_);
  }

  std::int64_t call(std::int64_t x) override {
    ::zmq_send(socket_, &x, sizeof x, 0);
    return receive();
  }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      if (i >= kRequestsAhead) sum += static_cast<std::uint64_t>(receive());
      ::zmq_send(socket_, &i, sizeof i, 0);
    }
    for (std::int64_t i = 0; i < std::min(count, kRequestsAhead); ++i) sum += static_cast<std::uint64_t>(receive());
    return sum;
  }

  [[nodiscard]] std::vector<pid_t> processes() const override { return {worker_.pid()}; }

 private:
  // Linux's abstract names: no file is left behind.
  static std::string make_address() {
    std::random_device random;
    return "ipc://@bulkhead-bench." + std::to_string(::getpid()) + "." + std::to_string(random());
  }

  // Forked before this process has a context: those do not survive a fork.
  Child start() {
    return Child::fork_and_run([this] {
      void* const context = ::zmq_ctx_new();
      void* const socket = ::zmq_socket(context, ZMQ_DEALER);
      ::zmq_connect(socket, address_.c_str());
      std::int64_t x = 0;
      while (::zmq_recv(socket, &x, sizeof x, 0) == sizeof x) {
        const std::int64_t result = square(x);
        ::zmq_send(socket, &result, sizeof result, 0);
      }
    });
  }

  std::int64_t receive() {
    std::int64_t result = 0;
    if (::zmq_recv(socket_, &result, sizeof result, 0) != sizeof result) {
      throw std::runtime_error(std::string("ZeroMQ cannot receive: ") + ::zmq_strerror(::zmq_errno()));
    }
    return result;
  }

  std::string address_;
  Child worker_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
};

}  // namespace

PeerPtr make_zeromq_worker() { return std::make_unique<ZeroMqWorker>(); }

}  // namespace bulkhead::bench

#else

namespace bulkhead::bench {

PeerPtr make_zeromq_worker() { return nullptr; }

}  // namespace bulkhead::bench

#endif
