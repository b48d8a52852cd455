// A Boost.Asio program as the host: its loop runs the callbacks.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <set>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

TEST(AsioTest, RunsCallbacksInItsLoop) {
  auto engine = Engine::from_plugins({fixture_plugin("echo")}, {.callbacks = Callbacks::kManual});
  auto pool = engine.pool({.processes = 2});
  constexpr std::size_t kCalls = 100;
  std::vector<std::int64_t> seen;
  std::set<std::thread::id> threads;

  boost::asio::io_context loop;
  // Asio closes what it is given: a duplicate of the engine's descriptor.
  boost::asio::posix::stream_descriptor readable(loop, ::dup(engine.event_fd()));
  std::function<void()> wait = [&] {
    readable.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&](const boost::system::error_code& error) {
      if (error) return;
      engine.dispatch();
      if (seen.size() < kCalls) wait();
    });
  };
  wait();
  for (std::size_t i = 0; i < kCalls; ++i) {
    (void)pool.apply_async<std::int64_t>("echo.i64",
                                         {.on_result =
                                              [&](const std::int64_t& value) {
                                                seen.push_back(value);
                                                threads.insert(std::this_thread::get_id());
                                              }},
                                         i);
  }
  loop.run();
  EXPECT_EQ(seen.size(), kCalls);
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
}

}  // namespace
}  // namespace bulkhead::test
