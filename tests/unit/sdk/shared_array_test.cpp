#include <bulkhead/shared_array.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <map>
#include <numeric>

#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/json_archive.hpp>

#include "shared_types.hpp"

namespace bulkhead::sdk {
namespace {

using ::testing::HasSubstr;
using Doubles = SharedArray<const double>;

static_assert(std::is_convertible_v<SharedArray<double>, Doubles>);
static_assert(!std::is_constructible_v<SharedArray<double>, Doubles>);
static_assert(!std::is_convertible_v<SharedArray<float>, Doubles>);
static_assert(!std::is_constructible_v<Doubles, std::size_t>, "nobody could write to it");
static_assert(std::is_convertible_v<Doubles, std::span<const double>>);

SharedArray<double> counting(std::size_t size) {
  SharedArray<double> xs(size);
  std::iota(xs.begin(), xs.end(), 1.0);
  return xs;
}

// The memory of what was written last.
SharedRef held_by(BufferSink& sink) {
  const auto held = sink.take_held();
  return held == nullptr || held->size() != 1 ? SharedRef{} : held->front();
}

std::size_t descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

TEST(SharedArray, IsZeroAtFirstAndWritable) {
  SharedArray<std::int32_t> xs(10'000);
  EXPECT_EQ(std::count(xs.begin(), xs.end(), 0), 10'000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(xs.data()) % 4096, 0u);
  xs[9'999] = 7;
  const auto copy = xs;
  EXPECT_EQ(copy[9'999], 7);
  EXPECT_EQ(copy.data(), xs.data());
  EXPECT_EQ(xs.use_count(), 2);
  EXPECT_EQ(xs.size_bytes(), 40'000u);
}

TEST(SharedArray, OfNothingHasNoMemory) {
  const auto before = descriptors();
  const SharedArray<double> none(0);
  const Doubles copy = Doubles::copy_of({});
  EXPECT_TRUE(none.empty() && copy.empty() && Doubles().empty());
  EXPECT_EQ(none.begin(), none.end());
  EXPECT_EQ(none.use_count(), 0);
  EXPECT_EQ(none.slice(0).size(), 0u);
  EXPECT_EQ(descriptors(), before);
}

TEST(SharedArray, HasSlicesOfTheSameMemory) {
  const auto xs = counting(100);
  const auto part = xs.slice(10, 5);
  EXPECT_EQ(part.size(), 5u);
  part[0] = -1;
  EXPECT_EQ(xs[10], -1);
  EXPECT_EQ(xs.slice(90).size(), 10u);
  EXPECT_EQ(xs.slice(98, 100).size(), 2u);
  EXPECT_EQ(xs.slice(100).size(), 0u);
  EXPECT_EQ(part.slice(1, 1)[0], 12);
  EXPECT_THROW((void)xs.slice(101), std::out_of_range);
}

TEST(SharedArray, GivesEverythingBack) {
  const auto before = descriptors();
  {
    const Doubles xs = counting(1000);
    EXPECT_EQ(descriptors(), before + 2) << "for who writes and for who reads";
    const Doubles constant = Doubles::copy_of(xs.span());
    EXPECT_EQ(descriptors(), before + 3);
  }
  EXPECT_EQ(descriptors(), before);
}

TEST(SharedArray, IsReservedAndSealedAgainstAnotherSize) {
  BufferSink sink;
  write(sink, SharedArray<double>(100'000));
  const SharedRef ref = held_by(sink);
  ASSERT_NE(ref.memory, nullptr);
  EXPECT_TRUE(ref.is_writable);
  struct stat info {};
  ASSERT_EQ(::fstat(ref.memory->fd(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 800'000);
  EXPECT_EQ(::ftruncate(ref.memory->fd(), 0), -1);
  EXPECT_EQ(::ftruncate(ref.memory->fd(), 1 << 30), -1);
  EXPECT_EQ(::fcntl(ref.memory->fd(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1) << "nobody else adds seals";
}

TEST(SharedArray, GoesToReadersWithoutAWayToWrite) {
  const auto can_be_written = [](int fd) {
    void* const view = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (view == MAP_FAILED) return false;
    ::munmap(view, 4096);
    return true;
  };
  BufferSink sink;
  const auto xs = counting(10);
  write(sink, Doubles(xs));
  const SharedRef ref = held_by(sink);
  ASSERT_NE(ref.memory, nullptr);
  EXPECT_FALSE(ref.is_writable);
  EXPECT_TRUE(can_be_written(ref.memory->fd()));
  EXPECT_FALSE(can_be_written(ref.memory->read_only_fd()));
  write(sink, Doubles::copy_of(xs.span()));
  const SharedRef constant = held_by(sink);
  EXPECT_FALSE(can_be_written(constant.memory->fd()));
  const std::string path = "/proc/self/fd/" + std::to_string(constant.memory->fd());
  const int reopened = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_FALSE(can_be_written(reopened)) << "not even by one that tries";
  ::close(reopened);
}

TEST(SharedArray, IsAnErrorWithoutDescriptorsAndLeavesNothing) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int next = ::dup(0);  // the lowest that is free
  ::close(next);
  for (const rlim_t more : {0u, 1u}) {  // none left, one left
    const auto before = descriptors();
    const rlimit few{.rlim_cur = static_cast<rlim_t>(next) + more, .rlim_max = limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::exception_ptr thrown;
    try {
      const SharedArray<double> xs(10);
    } catch (...) {
      thrown = std::current_exception();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    // Only now: the sanitizer needs a descriptor to look at it.
    std::error_code made;
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
      made = error.code();
    }
    EXPECT_EQ(made, std::errc::too_many_files_open);
    EXPECT_EQ(descriptors(), before);
  }
}

TEST(SharedArray, HasItsSignature) {
  EXPECT_EQ((signature<void, Doubles, SharedArray<std::uint8_t>>().view()), "(shared<f64>,shared_mut<u8>)->void");
  EXPECT_EQ((signature<void, const bulkhead::Bytes&, std::vector<SharedArray<char>>>().view()),
            "(shared<u8>,list<shared_mut<char>>)->void");
  EXPECT_EQ((type_text<SharedArray<const std::array<float, 3>>>().view()), "shared<array<f32,3>>");
}

// Plays the worker: memory by its id.
class Worker {
 public:
  Worker() {
    call_.size = sizeof call_;
    call_.self = this;
    call_.open_shared = [](void* self, std::uint64_t id, std::uint32_t is_writable, bulkhead_shared* out) {
      return static_cast<Worker*>(self)->open(id, is_writable != 0, *out);
    };
  }

  std::map<std::uint64_t, SharedRef> memory;
  int opened = 0;  // and not released

  [[nodiscard]] bulkhead_call& call() { return call_; }
  template <class T>
  [[nodiscard]] T decoded(std::span<const std::byte> bytes) {
    T value{};
    read_with({&call_}, bytes, value);
    return value;
  }

 private:
  std::int32_t open(std::uint64_t id, bool is_writable, bulkhead_shared& out) {
    const auto found = memory.find(id);
    if (found == memory.end() || (is_writable && !found->second.is_writable)) return 1;
    ++opened;
    out.is_writable = is_writable ? 1 : 0;
    out.address = found->second.memory->data();
    out.bytes = found->second.memory->size();
    out.handle = this;
    out.release = [](void* self) { --static_cast<Worker*>(self)->opened; };
    out.fd = found->second.memory->fd();
    return 0;
  }

  bulkhead_call call_{};
};

template <class T>
std::string reason_of(Worker& worker, const SharedPlace& place) {
  try {
    (void)worker.decoded<T>(std::as_bytes(std::span(&place, 1)));
  } catch (const DecodeError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SharedArray, TravelsAsItsPlace) {
  const auto xs = counting(100);
  BufferSink sink;
  write(sink, std::vector{xs, xs.slice(10, 5), SharedArray<double>()});
  EXPECT_EQ(sink.bytes().size(), 8 + 3 * 24u);
  const auto held = sink.take_held();
  ASSERT_EQ(held->size(), 2u);
  EXPECT_EQ(sink.take_held(), nullptr);
  Worker worker;
  worker.memory[held->front().memory->id()] = held->front();
  auto arrays = worker.decoded<std::vector<SharedArray<double>>>(sink.bytes());
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays[0].data(), xs.data());
  EXPECT_EQ(arrays[1].data(), xs.data() + 10);
  EXPECT_EQ(arrays[1].size(), 5u);
  EXPECT_TRUE(arrays[2].empty());
  EXPECT_EQ(worker.opened, 2);
  auto kept = arrays[1];
  arrays.clear();
  EXPECT_EQ(worker.opened, 1);
  kept = {};
  EXPECT_EQ(worker.opened, 0);
}

TEST(SharedArray, IsPassedOnByWhoeverGotIt) {
  const auto xs = counting(100);
  BufferSink sink;
  write(sink, xs);
  const SharedRef ref = held_by(sink);
  Worker worker;
  worker.memory[ref.memory->id()] = ref;
  const auto got = worker.decoded<SharedArray<double>>(sink.bytes());
  BufferSink onwards;
  write(onwards, got.slice(1));
  const SharedRef passed = held_by(onwards);
  EXPECT_EQ(passed.memory->id(), ref.memory->id());
  EXPECT_EQ(passed.memory->fd(), ref.memory->fd());
}

TEST(SharedArray, ThatIsNotThereIsRefused) {
  const auto xs = counting(100);
  BufferSink sink;
  write(sink, xs);
  const SharedRef ref = held_by(sink);
  Worker worker;
  worker.memory[ref.memory->id()] = ref;
  const std::uint64_t id = ref.memory->id();
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(reason_of<Doubles>(worker, {id, 8, 99}), "accepted");
  EXPECT_THAT(reason_of<Doubles>(worker, {id, 8, 100}), HasSubstr("does not lie in its memory of 800 bytes"));
  EXPECT_THAT(reason_of<Doubles>(worker, {id, 0, 1 + kMost / 8}), HasSubstr("does not lie in"));
  EXPECT_THAT(reason_of<Doubles>(worker, {id, kMost - 7, 2}), HasSubstr("does not lie in"));
  EXPECT_THAT(reason_of<Doubles>(worker, {id, 4, 1}), HasSubstr("does not lie in")) << "between two elements";
  EXPECT_THAT(reason_of<Doubles>(worker, {0, 0, 1}), HasSubstr("of no memory has elements"));
  EXPECT_THAT(reason_of<Doubles>(worker, {id + 1, 0, 1}), HasSubstr("was not sent with them"));
  worker.memory[id].is_writable = false;
  EXPECT_THAT(reason_of<SharedArray<double>>(worker, {id, 0, 1}), HasSubstr("was not sent with them"));
  EXPECT_EQ(worker.opened, 0) << "what is refused is released";
}

// What a peer could send. Only the last of them is a shared array.
TEST(SharedMemory, IsAdoptedOnlyWhereItCanDoNoHarm) {
  const auto file = [](std::uint64_t size, int seals, bool is_reserved = true) {
    const int fd = ::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(size)), 0);
    if (is_reserved) {
      EXPECT_EQ(::posix_fallocate(fd, 0, static_cast<off_t>(size)), 0);
    }
    EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
  };
  const auto before = descriptors();
  constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW;
  const auto is_refused = [](int fd, std::uint64_t bytes) {
    try {
      (void)SharedMemory::adopt(fd, bytes, false);
    } catch (const std::system_error& error) {
      return error.code() == std::errc::invalid_argument;
    }
    return false;
  };
  EXPECT_TRUE(is_refused(file(8192, F_SEAL_GROW), 8192)) << "it could shrink";
  EXPECT_TRUE(is_refused(file(8192, kSealed), 8193)) << "it is smaller than it is said to be";
  EXPECT_TRUE(is_refused(file(1 << 20, kSealed), 8192)) << "and larger";
  EXPECT_TRUE(is_refused(file(1 << 20, kSealed, false), 1 << 20)) << "it has no pages";
  EXPECT_TRUE(is_refused(file(8192, kSealed), 0));
  EXPECT_TRUE(is_refused(file(8192, kSealed), std::numeric_limits<std::uint64_t>::max()));
  EXPECT_TRUE(is_refused(::open("/dev/zero", O_RDWR | O_CLOEXEC), 4096));
  EXPECT_TRUE(is_refused(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 4096));
  EXPECT_TRUE(is_refused(-1, 4096));
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(SharedMemory::adopt(file(8192, kSealed), 5000, true)->size(), 5000u);
  EXPECT_EQ(descriptors(), before);
}

TEST(SharedArray, OfAResultIsFoundAmongWhatCameWithIt) {
  const auto xs = counting(100);
  BufferSink sink;
  write(sink, xs.slice(5));
  SharedRefs refs{held_by(sink)};
  SharedArray<double> writable;
  read_with({.refs = &refs}, sink.bytes(), writable);
  EXPECT_EQ(writable.data(), xs.data() + 5);
  refs[0].is_writable = false;
  EXPECT_THROW(read_with({.refs = &refs}, sink.bytes(), writable), DecodeError);
  Doubles readable;
  read_with({.refs = &refs}, sink.bytes(), readable);
  EXPECT_EQ(readable[0], 6);
  refs.clear();
  EXPECT_THROW(read_with({.refs = &refs}, sink.bytes(), readable), DecodeError);
}

TEST(SharedArray, NeedsAWorkerThatKnowsIt) {
  const SharedPlace place{7, 0, 1};
  Worker worker;
  worker.call().open_shared = nullptr;
  EXPECT_THAT(reason_of<Doubles>(worker, place), HasSubstr("lives in the pool that it was given to"));
  worker.call().size = offsetof(bulkhead_call, open_shared);
  EXPECT_THAT(reason_of<Doubles>(worker, place), HasSubstr("the worker is too old for shared arrays"));
  Doubles value;
  EXPECT_THROW(read(std::as_bytes(std::span(&place, 1)), value), DecodeError) << "a member of an exception, say";
  std::array<std::byte, 64> room;
  SpanSink sink(room);
  EXPECT_THROW(write(sink, counting(1)), EncodeError) << "where memory cannot go along";
}

TEST(SharedArray, HasAJsonForm) {
  std::string json;
  json_write(json, counting(3));
  EXPECT_EQ(json, "[1.0,2.0,3.0]");
  json.clear();
  json_write(json, SharedArray<const char>::copy_of(std::string_view("abc")));
  EXPECT_EQ(json, R"({"base64":"YWJj"})");
  SharedArray<double> xs;
  json_read("[1, 2.5]", xs);
  ASSERT_EQ(xs.size(), 2u);
  EXPECT_EQ(xs[1], 2.5);
  bulkhead::Bytes bytes;
  json_read(R"({"base64":"YWJj"})", bytes);
  ASSERT_EQ(bytes.size(), 3u);
  EXPECT_EQ(bytes[2], std::byte{'c'});
  EXPECT_THROW(json_read(R"(["x"])", xs), DecodeError);
}

}  // namespace
}  // namespace bulkhead::sdk
