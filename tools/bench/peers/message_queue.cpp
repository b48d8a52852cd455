#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <random>

#include "child.hpp"
#include "peers/peer.hpp"

namespace bulkhead::bench {

namespace {

namespace ipc = boost::interprocess;

constexpr std::size_t kMessages = 1000;

// Two queues, requests and answers, with forked workers between them.
class MessageQueues final : public Peer {
 public:
  explicit MessageQueues(int workers)
      : Peer("boost message_queue, " + std::to_string(workers) + (workers == 1 ? " worker" : " workers")),
        requests_(make_queue()),
        answers_(make_queue()) {
    for (int i = 0; i < workers; ++i) {
      workers_.push_back(Child::fork_and_run([this] { serve(); }));
    }
  }

  std::int64_t call(std::int64_t x) override {
    requests_->send(&x, sizeof x, 0);
    return receive();
  }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::uint64_t sum = 0;
    std::int64_t answered = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      while (!requests_->try_send(&i, sizeof i, 0)) {
        sum += static_cast<std::uint64_t>(receive());
        ++answered;
      }
    }
    for (; answered < count; ++answered) sum += static_cast<std::uint64_t>(receive());
    return sum;
  }

  [[nodiscard]] std::vector<pid_t> processes() const override {
    std::vector<pid_t> pids;
    for (const auto& worker : workers_) pids.push_back(worker.pid());
    return pids;
  }

 private:
  using Queue = std::unique_ptr<ipc::message_queue>;

  // The workers inherit the mapping, so the name can go at once.
  static Queue make_queue() {
    std::random_device random;
    const auto name = "bulkhead-bench." + std::to_string(::getpid()) + "." + std::to_string(random());
    auto queue = std::make_unique<ipc::message_queue>(ipc::create_only, name.c_str(), kMessages, sizeof(std::int64_t));
    ipc::message_queue::remove(name.c_str());
    return queue;
  }

  std::int64_t receive() {
    std::int64_t result = 0;
    std::size_t size = 0;
    unsigned priority = 0;
    answers_->receive(&result, sizeof result, size, priority);
    return result;
  }

  void serve() {
    for (;;) {
      std::int64_t x = 0;
      std::size_t size = 0;
      unsigned priority = 0;
      requests_->receive(&x, sizeof x, size, priority);
      const std::int64_t result = square(x);
      answers_->send(&result, sizeof result, 0);
    }
  }

  Queue requests_;
  Queue answers_;
  std::vector<Child> workers_;
};

}  // namespace

PeerPtr make_message_queue(int workers) { return std::make_unique<MessageQueues>(workers); }

}  // namespace bulkhead::bench
