#include "ipc/doorbell.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "bulkhead/error.hpp"

namespace bulkhead::ipc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::Deadline;

std::string file_of(const std::string& name) { return "/dev/shm/sem." + name; }
bool exists(const std::string& name) { return ::access(file_of(name).c_str(), F_OK) == 0; }

TEST(DoorbellName, NamesTheHostAndCannotBeGuessed) {
  const std::string name = make_doorbell_name();
  const std::string start = "bulkhead." + std::to_string(::getpid()) + ".";
  ASSERT_EQ(name.substr(0, start.size()), start);
  EXPECT_THAT(name.substr(start.size()), ::testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(name.size(), start.size() + 32);
  EXPECT_NE(name, make_doorbell_name());
}

TEST(WorkerDoorbell, BelongsToItsOwnerAloneWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0022U, 0277U, 0777U}) {
    const mode_t before = ::umask(mask);
    const auto doorbell = WorkerDoorbell::create(make_doorbell_name());
    ::umask(before);
    struct stat info {};
    ASSERT_EQ(::stat(file_of(doorbell.name()).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U) << "umask " << mask;
  }
}

TEST(WorkerDoorbell, RefusesANameThatExists) {
  const auto first = WorkerDoorbell::create(make_doorbell_name());
  EXPECT_THROW((void)WorkerDoorbell::create(first.name()), ResourceError);
  EXPECT_TRUE(exists(first.name())) << "the failure must not take the other's name";
}

TEST(WorkerDoorbell, CannotBeOpenedWhenNobodyMadeIt) {
  EXPECT_THROW((void)WorkerDoorbell::open(make_doorbell_name()), ResourceError);
}

TEST(WorkerDoorbell, RemovesItsNameAtTheLatestWithItself) {
  const std::string name = make_doorbell_name();
  {
    const auto doorbell = WorkerDoorbell::create(name);
    ASSERT_TRUE(exists(name));
  }
  EXPECT_FALSE(exists(name));
}

TEST(WorkerDoorbell, TheOpeningSideLeavesTheName) {
  const auto made = WorkerDoorbell::create(make_doorbell_name());
  { const auto opened = WorkerDoorbell::open(made.name()); }
  EXPECT_TRUE(exists(made.name()));
}

TEST(WorkerDoorbell, MovingMovesTheDutyToUnlink) {
  const std::string name = make_doorbell_name();
  auto first = WorkerDoorbell::create(name);
  {
    const WorkerDoorbell second = std::move(first);
    EXPECT_TRUE(exists(name));
  }
  EXPECT_FALSE(exists(name));
}

TEST(WorkerDoorbell, RingsAfterItsNameIsGone) {
  auto host = WorkerDoorbell::create(make_doorbell_name());
  auto worker = WorkerDoorbell::open(host.name());
  host.unlink();
  host.unlink();
  ASSERT_FALSE(exists(host.name()));
  std::thread sleeper([&] { worker.wait(); });
  host.ring();
  sleeper.join();
}

TEST(WorkerDoorbell, ASignalDoesNotEndTheWait) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: sem_wait() returns EINTR
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  auto host = WorkerDoorbell::create(make_doorbell_name());
  auto worker = WorkerDoorbell::open(host.name());
  std::atomic<bool> rung{false};
  std::atomic<bool> early{false};
  std::thread sleeper([&] {
    worker.wait();
    early = !rung;
  });
  for (int i = 0; i < 200; ++i) {
    ::pthread_kill(sleeper.native_handle(), SIGUSR1);
    ::usleep(100);
  }
  rung = true;
  host.ring();
  sleeper.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_FALSE(early);
}

TEST(HostBell, IsSilentUntilRungAndAfterwards) {
  auto bell = HostBell::create();
  EXPECT_FALSE(bell.consume());
  bell.ring();
  bell.ring();
  EXPECT_TRUE(bell.consume());
  EXPECT_FALSE(bell.consume()) << "rings do not add up";
}

TEST(HostBell, WaitEndsWithTheDeadline) {
  auto bell = HostBell::create();
  const auto start = Deadline::Clock::now();
  EXPECT_FALSE(bell.wait(Deadline::after(milliseconds(20))));
  EXPECT_GE(Deadline::Clock::now() - start, milliseconds(20));
  EXPECT_FALSE(bell.wait(Deadline::after(milliseconds(-5))));
}

TEST(HostBell, WaitTakesARingOfAnotherDescriptor) {
  auto bell = HostBell::create();
  auto ringing = HostBell::attach(support::UniqueFd(::dup(bell.fd())));
  std::thread ringer([&] { ringing.ring(); });
  EXPECT_TRUE(bell.wait(Deadline::never()));
  ringer.join();
  EXPECT_FALSE(bell.consume());
}

TEST(HostBell, StaysRungUntilItIsSilenced) {
  auto bell = HostBell::create();
  EXPECT_FALSE(bell.wait_until_rung(Deadline::after(milliseconds(5))));
  bell.ring();
  EXPECT_TRUE(bell.wait_until_rung(Deadline::never()));
  EXPECT_TRUE(bell.wait_until_rung(Deadline::never()));
  EXPECT_TRUE(bell.consume());
  EXPECT_FALSE(bell.wait_until_rung(Deadline::after(milliseconds(5))));
}

TEST(HostBell, NeverBlocksWhoRings) {
  auto bell = HostBell::create();
  const std::uint64_t almost_full = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(bell.fd(), &almost_full, sizeof almost_full), 8);
  bell.ring();
  EXPECT_TRUE(bell.wait(Deadline::after(seconds(20))));
}

}  // namespace
}  // namespace bulkhead::ipc
