#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>

#include "peers/peer.hpp"

namespace bulkhead::bench {

namespace {

class AsioPool final : public Peer {
 public:
  explicit AsioPool(int threads)
      : Peer("boost::asio::thread_pool, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads")),
        pool_(static_cast<std::size_t>(threads)) {}
  ~AsioPool() override { pool_.join(); }

  std::int64_t call(std::int64_t x) override { return submit(x).get(); }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::vector<std::future<std::int64_t>> results;
    results.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) results.push_back(submit(i));
    std::uint64_t sum = 0;
    for (auto& result : results) sum += static_cast<std::uint64_t>(result.get());
    return sum;
  }

 private:
  std::future<std::int64_t> submit(std::int64_t x) {
    std::promise<std::int64_t> promise;
    auto result = promise.get_future();
    boost::asio::post(pool_, [x, promise = std::move(promise)]() mutable { promise.set_value(square(x)); });
    return result;
  }

  boost::asio::thread_pool pool_;
};

}  // namespace

PeerPtr make_asio_pool(int threads) { return std::make_unique<AsioPool>(threads); }

}  // namespace bulkhead::bench
