#include "worker/shared_views.hpp"

#include <gmock/gmock.h>

#include <bulkhead/shared_array.hpp>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

using sdk::SharedMemory;
using Others = SharedMemory::Others;

std::shared_ptr<SharedMemory> make(std::uint64_t bytes) { return SharedMemory::create(bytes, Others::kMayWrite); }
support::UniqueFd copy_of(int fd) { return support::UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
bulkhead_shared empty() {
  bulkhead_shared shared{};
  shared.size = sizeof shared;
  return shared;
}

TEST(SharedViews, AreMappedOnceForEachWayToLookAtIt) {
  const auto memory = make(10'000);
  SharedViews views;
  auto out = empty();
  EXPECT_FALSE(views.open(memory->id(), false, out));
  views.add(memory->id(), copy_of(memory->read_only_fd()), memory->size(), false);
  EXPECT_FALSE(views.open(memory->id(), true, out)) << "it may not be written to";
  ASSERT_TRUE(views.open(memory->id(), false, out));
  EXPECT_EQ(out.bytes, 10'000u);
  EXPECT_EQ(out.is_writable, 0u);
  memory->data()[9'999] = std::byte{5};
  EXPECT_EQ(static_cast<const std::byte*>(out.address)[9'999], std::byte{5});
  auto again = empty();
  views.add(memory->id(), copy_of(memory->read_only_fd()), memory->size(), false);
  ASSERT_TRUE(views.open(memory->id(), false, again));
  EXPECT_EQ(again.address, out.address);
  auto writing = empty();
  views.add(memory->id(), copy_of(memory->fd()), memory->size(), true);
  ASSERT_TRUE(views.open(memory->id(), true, writing));
  *static_cast<std::byte*>(writing.address) = std::byte{6};
  EXPECT_EQ(memory->data()[0], std::byte{6});
  for (const auto& shared : {out, again, writing}) shared.release(shared.handle);
}

TEST(SharedViews, LiveAsLongAsAPluginHasThem) {
  const auto memory = make(100);
  auto out = empty();
  auto other = empty();
  {
    SharedViews views;
    views.add(memory->id(), copy_of(memory->fd()), memory->size(), true);
    ASSERT_TRUE(views.open(memory->id(), true, out));
    views.drop(memory->id());
    views.drop(memory->id());
    EXPECT_FALSE(views.open(memory->id(), true, other));
    views.add(memory->id(), copy_of(memory->fd()), memory->size(), true);
  }
  *static_cast<std::byte*>(out.address) = std::byte{7};
  EXPECT_EQ(memory->data()[0], std::byte{7});
  EXPECT_NE(::fcntl(out.fd, F_GETFD), -1);
  out.release(out.handle);
  EXPECT_EQ(::fcntl(out.fd, F_GETFD), -1);
}

TEST(SharedViews, AreRefusedForWhatIsNoSuchMemory) {
  const auto memory = make(100'000);
  SharedViews views;
  EXPECT_THROW(views.add(1, copy_of(memory->fd()), 200'000, true), UsageError) << "smaller than it is said to be";
  EXPECT_THROW(views.add(1, support::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), 4096, true), UsageError);
  EXPECT_THROW(views.add(1, copy_of(memory->read_only_fd()), 100'000, true), Error) << "not for writing";
  auto out = empty();
  EXPECT_FALSE(views.open(1, true, out));
}

// An item is the id of an array; the result its first byte, or "none".
std::int32_t first_byte(void*, const bulkhead_call* call, const void* in, std::size_t, std::uint64_t count) {
  for_each_item(call, in, count, [&](std::uint64_t, std::string_view item) {
    bulkhead_shared shared = empty();
    if (call->open_shared(call->self, std::stoull(std::string(item)), 0, &shared) != 0) {
      put(call, "none");
    } else {
      put(call, std::to_string(std::to_integer<int>(*static_cast<const std::byte*>(shared.address))));
      shared.release(shared.handle);
    }
    call->end_item(call->self, BULKHEAD_OK);
  });
  return BULKHEAD_OK;
}

void send_shared(Host& host, SharedMemory& memory) {
  host.send(protocol::encode(protocol::SharedMessage{memory.id(), memory.size(), false}), {memory.read_only_fd()});
}

TEST(ExecutorShared, OpensWhatCameBeforeTheCall) {
  const auto memory = make(100);
  const auto other = make(100);
  memory->data()[0] = std::byte{9};
  Host host;
  host.start({task_of(first_byte)});
  EXPECT_EQ(text_of(host.reply_to(0, std::to_string(memory->id())).payload), "none");
  send_shared(host, *other);
  send_shared(host, *memory);
  EXPECT_EQ(text_of(host.reply_to(0, std::to_string(memory->id())).payload), "9");
  protocol::CallHeader drop;
  drop.kind = protocol::CallKind::kDropShared;
  drop.task_id = memory->id();
  host.offer(drop, {});
  EXPECT_EQ(text_of(host.reply_to(0, std::to_string(memory->id())).payload), "none");
  EXPECT_EQ(text_of(host.reply_to(0, std::to_string(other->id())).payload), "0");
}

}  // namespace
}  // namespace bulkhead::worker::test
