#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "child.hpp"
#include "peers/peer.hpp"

namespace bulkhead::bench {

namespace {

// Requests under way: fewer than fit into the socket's buffer, so that neither side ever waits for room.
constexpr std::int64_t kWindow = 128;

std::array<int, 2> make_socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "no socket pair can be made");
  }
  return ends;
}

class SeqpacketWorker final : public Peer {
 public:
  SeqpacketWorker() : Peer("unix seqpacket socket, 1 worker"), ends_(make_socket_pair()), worker_(start()) {}
  ~SeqpacketWorker() override { ::close(ends_[0]); }

  std::int64_t call(std::int64_t x) override {
    send(x);
    return receive();
  }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      if (i >= kWindow) sum += static_cast<std::uint64_t>(receive());
      send(i);
    }
    for (std::int64_t i = 0; i < std::min(count, kWindow); ++i) sum += static_cast<std::uint64_t>(receive());
    return sum;
  }

  [[nodiscard]] std::vector<pid_t> processes() const override { return {worker_.pid()}; }

 private:
  Child start() {
    auto worker = Child::fork_and_run([this] {
      std::int64_t x = 0;
      while (::recv(ends_[1], &x, sizeof x, 0) == sizeof x) {
        const std::int64_t result = square(x);
        if (::send(ends_[1], &result, sizeof result, MSG_NOSIGNAL) < 0) return;
      }
    });
    ::close(ends_[1]);
    return worker;
  }

  void send(std::int64_t x) const {
    if (::send(ends_[0], &x, sizeof x, MSG_NOSIGNAL) != sizeof x) {
      throw std::system_error(errno, std::generic_category(), "the socket's worker cannot be written to");
    }
  }
  [[nodiscard]] std::int64_t receive() const {
    std::int64_t result = 0;
    if (::recv(ends_[0], &result, sizeof result, 0) != sizeof result) {
      throw std::system_error(errno, std::generic_category(), "the socket's worker cannot be read from");
    }
    return result;
  }

  std::array<int, 2> ends_;
  Child worker_;
};

}  // namespace

PeerPtr make_seqpacket_worker() { return std::make_unique<SeqpacketWorker>(); }

}  // namespace bulkhead::bench
