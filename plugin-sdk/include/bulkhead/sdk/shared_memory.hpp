// The memory behind shared arrays: a sealed memfd and this process's view of it.
//
// Ownership: owns descriptors and view, or holds a view that the worker opened for its plugin. Both end with the object;
//            the memory lives until no process has it any more, which the kernel sees to, however a process ends.
// Threads:   the bytes are their user's business; everything else any.
// Failure:   std::system_error, std::bad_alloc.
//
// A forked child inherits view and descriptors: it reads what its parent was working on, and what it writes is written.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/available_memory.hpp>
#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/shared_place.hpp>

namespace bulkhead::sdk {

// Is told when memory that it watches goes, in whatever thread lets go of it last. Must not throw or block.
class SharedMemoryWatcher {
 public:
  SharedMemoryWatcher() = default;
  SharedMemoryWatcher(const SharedMemoryWatcher&) = delete;
  SharedMemoryWatcher& operator=(const SharedMemoryWatcher&) = delete;
  virtual ~SharedMemoryWatcher() = default;
  virtual void memory_gone(std::uint64_t id) noexcept = 0;
};

class SharedMemory {
 public:
  // What the kernel lets other processes do with it.
  enum class Others : bool { kMayWrite, kMayOnlyRead };

  // Zeroed, and all of it there: a full machine is the error ENOMEM here, never a SIGBUS later. Requires: bytes > 0.
  [[nodiscard]] static std::shared_ptr<SharedMemory> create(std::uint64_t bytes, Others others) {
    const std::string what = std::to_string(bytes) + " bytes of shared memory for an array";
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const bool is_possible = bytes <= static_cast<std::uint64_t>(PTRDIFF_MAX) - page_bytes;
    if (!is_possible || !can_reserve_memory(bytes)) {
      raise(ENOMEM, "cannot reserve " + what + ", " + std::to_string(available_memory_bytes()) + " are available");
    }
    // The object first: from here on its destructor cleans up.
    std::shared_ptr<SharedMemory> memory(new SharedMemory);
    memory->size_ = bytes;
    memory->whole_bytes_ = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    memory->is_writable_ = true;
    memory->id_ = random_id();
    memory->fd_ = ::memfd_create("bulkhead-array", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd_ < 0) raise(errno, "cannot create " + what);
    int error = 0;
    do {  // a signal may interrupt a large reservation
      error = ::posix_fallocate(memory->fd_, 0, static_cast<off_t>(memory->whole_bytes_));
    } while (error == EINTR);
    if (error != 0) raise(error, "cannot reserve " + what);
    memory->map(what);
    // Only after this view exists: it stays writable.
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (others == Others::kMayOnlyRead) seals |= F_SEAL_FUTURE_WRITE;
    if (::fcntl(memory->fd_, F_ADD_SEALS, seals) != 0) raise(errno, "cannot seal " + what);
    if (others == Others::kMayWrite) memory->open_for_reading(what);
    return memory;
  }

  // What another process made and sent, which may be anybody: takes the descriptor, whatever happens. Throws std::system_error
  // EINVAL for what could harm this process: other than a memfd, of another size than `bytes` needs, that could be made
  // smaller (a SIGBUS), or is not there (its pages would be this process's).
  [[nodiscard]] static std::shared_ptr<SharedMemory> adopt(int fd, std::uint64_t bytes, bool is_writable) {
    std::shared_ptr<SharedMemory> memory;
    try {
      memory.reset(new SharedMemory);
    } catch (...) {
      ::close(fd);
      throw;
    }
    memory->fd_ = fd;
    const std::string what = std::to_string(bytes) + " bytes of shared memory that were sent";
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW;
    constexpr long kTmpfs = 0x01021994;  // huge pages are not: they may be missing when one of them is looked at
    struct stat info {};
    struct statfs system {};
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (bytes == 0 || bytes > static_cast<std::uint64_t>(PTRDIFF_MAX) - page_bytes || seals < 0 ||
        (seals & kSealed) != kSealed || ::fstat(fd, &info) != 0 || ::fstatfs(fd, &system) != 0 ||
        static_cast<long>(system.f_type) != kTmpfs) {
      raise(EINVAL, "cannot use " + what);
    }
    memory->size_ = bytes;
    memory->whole_bytes_ = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    if (static_cast<std::uint64_t>(info.st_size) != memory->whole_bytes_ ||
        static_cast<std::uint64_t>(info.st_blocks) * 512 < memory->whole_bytes_) {
      raise(EINVAL, "cannot use " + what);
    }
    memory->is_writable_ = is_writable;
    // A number of this process's own: a peer could name that of other memory.
    memory->id_ = random_id();
    memory->map(what);
    if (is_writable) memory->open_for_reading(what);
    return memory;
  }

  // What bulkhead_call::open_shared() gave; released with the object.
  SharedMemory(std::uint64_t id, const bulkhead_shared& opened)
      : id_(id),
        data_(static_cast<std::byte*>(opened.address)),
        size_(opened.bytes),
        is_writable_(opened.is_writable != 0),
        fd_(opened.fd),
        opened_(opened.handle),
        release_(opened.release) {}

  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() {
    if (read_only_fd_ >= 0) ::close(read_only_fd_);
    if (release_ != nullptr) {
      release_(opened_);
    } else {
      if (data_ != nullptr) ::munmap(data_, static_cast<std::size_t>(whole_bytes_));
      if (fd_ >= 0) ::close(fd_);
    }
    for (const auto& watcher : watchers_) {
      if (const auto living = watcher.lock()) living->memory_gone(id_);
    }
  }

  // Never 0, and never that of other memory.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // Through this view.
  [[nodiscard]] bool is_writable() const noexcept { return is_writable_; }

  // For a peer. Whoever has it may write, where is_writable().
  [[nodiscard]] int fd() const noexcept { return fd_; }
  // For a peer that is to read: what is mapped through it cannot be made writable by mistake. (Of memory that a worker
  // opened for its plugin to write to, it can.)
  [[nodiscard]] int read_only_fd() const noexcept { return read_only_fd_ >= 0 ? read_only_fd_ : fd_; }

  // Requires: it does not go meanwhile.
  void watch(std::weak_ptr<SharedMemoryWatcher> watcher) {
    const std::lock_guard lock(mutex_);
    watchers_.push_back(std::move(watcher));
  }

 private:
  SharedMemory() = default;

  [[noreturn]] static void raise(int error_number, const std::string& what) {
    throw std::system_error(error_number, std::generic_category(), what);
  }

  // By chance, since processes that know nothing of each other make them: of a million arrays at the same time, two have
  // the same with a probability of one in thirty million.
  static std::uint64_t random_id() {
    std::uint64_t id = 0;
    while (id == 0) {
      if (::getrandom(&id, sizeof id, 0) != sizeof id && errno != EINTR) raise(errno, "cannot number a shared array");
    }
    return id;
  }

  void map(const std::string& what) {
    const int access = is_writable_ ? PROT_READ | PROT_WRITE : PROT_READ;
    void* const address = ::mmap(nullptr, static_cast<std::size_t>(whole_bytes_), access, MAP_SHARED, fd_, 0);
    if (address == MAP_FAILED) raise(errno, "cannot map " + what);
    data_ = static_cast<std::byte*>(address);
  }

  // Now, though nobody may ever ask for it: it takes longer than all the rest of a hand-over.
  void open_for_reading(const std::string& what) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd_);
    read_only_fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (read_only_fd_ < 0) raise(errno, "cannot open " + what + " for reading through " + path);
  }

  // Fixed after construction.
  std::uint64_t id_ = 0;
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t whole_bytes_ = 0;
  bool is_writable_ = false;
  int fd_ = -1;
  int read_only_fd_ = -1;  // -1: nobody else can write through fd_
  void* opened_ = nullptr;
  void (*release_)(void* handle) = nullptr;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::weak_ptr<SharedMemoryWatcher>> watchers_;
};

// The memory that bytes name. Throws DecodeError when there is no such memory here.
[[nodiscard]] inline std::shared_ptr<SharedMemory> open_shared(const SharedSource& source, std::uint64_t id,
                                                               bool is_writable) {
  if (source.refs != nullptr) {
    for (const SharedRef& ref : *source.refs) {
      if (ref.id == id && (ref.is_writable || !is_writable)) return ref.memory;
    }
    throw DecodeError("the bytes name a shared array that was not sent with them");
  }
  const bulkhead_call* const call = source.call;
  if (call == nullptr) throw DecodeError("shared arrays can only be arguments and results of a task");
  constexpr std::size_t kNeeded = offsetof(bulkhead_call, open_shared) + sizeof call->open_shared;
  if (call->size < kNeeded) throw DecodeError("the worker is too old for shared arrays (it has ABI minor 1 or less)");
  if (call->open_shared == nullptr) {
    throw DecodeError("a shared array lives in the pool that it was given to, and this call was not made there");
  }
  bulkhead_shared opened{};
  opened.size = sizeof opened;
  if (call->open_shared(call->self, id, is_writable ? 1 : 0, &opened) != 0) {
    throw DecodeError("the arguments name a shared array that was not sent with them");
  }
  try {
    return std::make_shared<SharedMemory>(id, opened);
  } catch (...) {
    opened.release(opened.handle);
    throw;
  }
}

}  // namespace bulkhead::sdk
