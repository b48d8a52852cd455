// What wakes a sleeper. All state is in the rings; a bell only says: look.
//
// Ownership: each object owns its semaphore or descriptor. A name is removed only by the object
//            that created it, in the process that created it.
// Threads:   ring() any; wait() and consume() one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "support/deadline.hpp"
#include "support/unique_fd.hpp"

namespace boost::interprocess {
class named_semaphore;
}

namespace bulkhead::ipc {

// "bulkhead.<pid>.<128 random bits>": nobody can guess it or be there first.
[[nodiscard]] std::string make_doorbell_name();

// To a worker: a named semaphore, mode 0600 whatever the umask.
class WorkerDoorbell {
 public:
  // Host. Throws ResourceError.
  [[nodiscard]] static WorkerDoorbell create(const std::string& name);
  // Worker. Throws ResourceError.
  [[nodiscard]] static WorkerDoorbell open(const std::string& name);
  WorkerDoorbell(WorkerDoorbell&&) noexcept;
  WorkerDoorbell& operator=(WorkerDoorbell&&) noexcept;
  ~WorkerDoorbell();

  void ring() noexcept;
  // Sleeps until rung. Signals do not end it. Throws ResourceError when the semaphore is broken.
  void wait();
  // Host: as soon as the worker has opened it. Twice does nothing.
  void unlink() noexcept;
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  explicit WorkerDoorbell(std::string name) noexcept;

  std::string name_;
  std::unique_ptr<boost::interprocess::named_semaphore> semaphore_;
  pid_t creator_ = 0;  // 0: not ours to unlink, or unlinked already
};

// To the host: an eventfd, handed to workers by descriptor.
class HostBell {
 public:
  // Throws ResourceError "descriptors".
  [[nodiscard]] static HostBell create();
  // The ringing end, from a descriptor that was received.
  [[nodiscard]] static HostBell attach(support::UniqueFd fd) noexcept { return HostBell(std::move(fd)); }

  void ring() noexcept;
  // True: it was rung, and is silent again. False: the deadline passed.
  [[nodiscard]] bool wait(support::Deadline deadline) noexcept;
  // The same, but it stays rung: consume() silences it.
  [[nodiscard]] bool wait_until_rung(support::Deadline deadline) noexcept;
  // Silences it without waiting; true when it had been rung.
  bool consume() noexcept;
  // Readable while rung; for poll and epoll.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  explicit HostBell(support::UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  support::UniqueFd fd_;
};

}  // namespace bulkhead::ipc
