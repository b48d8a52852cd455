#include "ipc/doorbell.hpp"

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/interprocess/sync/named_semaphore.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::ipc {

namespace bip = boost::interprocess;
using support::Deadline;
using support::UniqueFd;

namespace {

constexpr mode_t kOwnerOnly = 0600;

// Makes the semaphore's file as sem_open(O_CREAT | O_EXCL) would, but under its own name from the first moment and with
// this mode whatever the umask. (sem_open makes a file "sem.XXXXXX" and links it: a host killed between the two leaves
// a file that nobody can tell is ours.) False: the C library keeps semaphores elsewhere.
bool try_create_file(const std::string& name) {
  const std::string path = "/dev/shm/sem." + name;
  const UniqueFd file(
      BULKHEAD_FAULT_CALL("semaphore.open", EMFILE, -1,
                          ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly)));
  BULKHEAD_FAULT_POINT("semaphore.opened");
  if (!file.is_open() && errno == ENOENT) return false;
  sem_t semaphore;
  std::memset(&semaphore, 0, sizeof semaphore);
  ::sem_init(&semaphore, 1, 0);
  if (!file.is_open() || ::fchmod(file.get(), kOwnerOnly) != 0 ||
      BULKHEAD_FAULT_CALL("semaphore.write", ENOSPC, ssize_t{-1}, ::write(file.get(), &semaphore, sizeof semaphore)) !=
          static_cast<ssize_t>(sizeof semaphore)) {
    const int error = errno;
    if (file.is_open()) ::unlink(path.c_str());
    support::raise_system_error(error, "create semaphore \"" + name + "\"", "semaphores");
  }
  return true;
}

}  // namespace

std::string make_doorbell_name() {
  std::array<unsigned char, 16> random{};
  // Up to 256 bytes come whole or not at all.
  while (BULKHEAD_FAULT_CALL("semaphore.getrandom", EINTR, ssize_t{-1}, ::getrandom(random.data(), random.size(), 0)) !=
         static_cast<ssize_t>(random.size())) {
    if (errno != EINTR) support::raise_system_error(errno, "get random bytes for a name", "random bytes");
  }
  std::string name = "bulkhead." + std::to_string(::getpid()) + ".";
  for (const unsigned char byte : random) {
    name += "0123456789abcdef"[byte >> 4];
    name += "0123456789abcdef"[byte & 15];
  }
  return name;
}

WorkerDoorbell::WorkerDoorbell(std::string name) noexcept : name_(std::move(name)) {}

WorkerDoorbell::WorkerDoorbell(WorkerDoorbell&& other) noexcept
    : name_(std::move(other.name_)),
      semaphore_(std::move(other.semaphore_)),
      creator_(std::exchange(other.creator_, 0)) {}

WorkerDoorbell& WorkerDoorbell::operator=(WorkerDoorbell&& other) noexcept {
  if (this != &other) {
    unlink();
    name_ = std::move(other.name_);
    semaphore_ = std::move(other.semaphore_);
    creator_ = std::exchange(other.creator_, 0);
  }
  return *this;
}

WorkerDoorbell::~WorkerDoorbell() { unlink(); }

WorkerDoorbell WorkerDoorbell::create(const std::string& name) {
  WorkerDoorbell doorbell(name);  // from the moment that there is a name, this removes it
  if (try_create_file(name)) doorbell.creator_ = ::getpid();
  try {
    BULKHEAD_FAULT_THROW("semaphore.create", EMFILE, bip::interprocess_exception(bip::error_info(EMFILE)));
    if (doorbell.creator_ != 0) {
      doorbell.semaphore_ = std::make_unique<bip::named_semaphore>(bip::open_only, name.c_str());
    } else {
      doorbell.semaphore_ =
          std::make_unique<bip::named_semaphore>(bip::create_only, name.c_str(), 0, bip::permissions(kOwnerOnly));
      doorbell.creator_ = ::getpid();
    }
  } catch (const bip::interprocess_exception& error) {
    support::raise_system_error(error.get_native_error(), "create semaphore \"" + name + "\"", "semaphores");
  }
  return doorbell;
}

WorkerDoorbell WorkerDoorbell::open(const std::string& name) {
  WorkerDoorbell doorbell(name);
  try {
    BULKHEAD_FAULT_THROW("semaphore.attach", EMFILE, bip::interprocess_exception(bip::error_info(EMFILE)));
    doorbell.semaphore_ = std::make_unique<bip::named_semaphore>(bip::open_only, name.c_str());
  } catch (const bip::interprocess_exception& error) {
    support::raise_system_error(error.get_native_error(), "open semaphore \"" + name + "\"", "semaphores");
  }
  return doorbell;
}

void WorkerDoorbell::ring() noexcept {
  BULKHEAD_FAULT_POINT("doorbell.ring");
  try {
    semaphore_->post();
  } catch (const bip::interprocess_exception&) {
    // It overflowed: the worker has more than enough to wake up for.
  }
}

void WorkerDoorbell::wait() {
  for (;;) {
    try {
      BULKHEAD_FAULT_THROW("doorbell.wait", EINTR, bip::interprocess_exception(bip::error_info(EINTR)));
      semaphore_->wait();
      BULKHEAD_FAULT_POINT("doorbell.woken");
      return;
    } catch (const bip::interprocess_exception& error) {
      if (error.get_native_error() == EINTR) continue;
      support::raise_system_error(error.get_native_error(), "wait on semaphore \"" + name_ + "\"", "semaphores");
    }
  }
}

void WorkerDoorbell::unlink() noexcept {
  BULKHEAD_FAULT_POINT("semaphore.unlink");
  // A forked child of the host that exits must not take the name from its parent. Not named_semaphore::remove(): it needs
  // memory, and where there is none it leaves the name and says nothing.
  if (creator_ != 0 && creator_ == ::getpid()) ::sem_unlink(name_.c_str());
  creator_ = 0;
}

HostBell HostBell::create() {
  UniqueFd fd(BULKHEAD_FAULT_CALL("bell.eventfd", EMFILE, -1, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
  if (!fd.is_open()) support::raise_system_error(errno, "create an eventfd", "descriptors");
  return HostBell(std::move(fd));
}

void HostBell::ring() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so it is rung. EINTR does not happen to a descriptor that does not
  // block.
  BULKHEAD_FAULT_POINT("bell.ring");
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  BULKHEAD_FAULT_POINT("bell.rung");
}

bool HostBell::consume() noexcept {
  std::uint64_t count = 0;
  BULKHEAD_FAULT_POINT("bell.consume");
  return ::read(fd_.get(), &count, sizeof count) == sizeof count;
}

bool HostBell::wait(Deadline deadline) noexcept {
  while (wait_until_rung(deadline)) {
    if (consume()) return true;
    // Readable and yet nothing to read: somebody else took it. Wait on.
  }
  return false;
}

bool HostBell::wait_until_rung(Deadline deadline) noexcept {
  for (;;) {
    pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    timespec left{};
    if (!deadline.is_never()) {
      const auto nanoseconds = deadline.left().count();
      left.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
      left.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
    }
    const int ready =
        BULKHEAD_FAULT_CALL("bell.wait", EINTR, -1, ::ppoll(&entry, 1, deadline.is_never() ? nullptr : &left, nullptr));
    if (ready > 0) return (entry.revents & POLLIN) != 0;  // else the descriptor is broken
    if (deadline.has_passed()) return false;
  }
}

}  // namespace bulkhead::ipc
