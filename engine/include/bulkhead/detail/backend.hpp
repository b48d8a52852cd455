// What a pool needs from whatever runs its tasks: bytes for a named task in, verdicts out.
//
// The local backend schedules over worker processes and shared memory; others may come. One virtual call a submission.
#pragma once

#include <bulkhead/detail/completion.hpp>
#include <bulkhead/detail/signature_desc.hpp>
#include <bulkhead/options.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::detail {

// One task of the catalogue, as callers need it. Lives as long as any backend or completion that refers to it.
struct TaskInfo {
  std::string name;  // "math.add"
  SignatureDesc signature;
  std::uint64_t shape = 0;                 // over the members of the signature's user types; 0: it has none
  std::uint32_t index = 0;                 // in the catalogue
  std::uint32_t codecs = 0;                // BULKHEAD_CODEC_ bits
  std::uint32_t fixed_argument_bytes = 0;  // of one call's arguments when all have a fixed size; 0: they vary
};

// `count` items of one task, encoded.
struct Submission {
  const TaskInfo* task = nullptr;
  std::uint32_t codec = 1;
  std::uint32_t count = 1;
  std::uint32_t stride = 0;  // bytes of each item; 0: each is preceded by its size (u32)
  std::span<const std::byte> bytes;
  std::uint64_t first_index = 0;  // of the first item within its map
};

// Called once with the verdict, on the callback thread, before waiters are woken.
using VerdictCallback = std::function<void(Completion&)>;

class Backend {
 public:
  virtual ~Backend() = default;

  // Never the same for two backends of one process.
  [[nodiscard]] virtual std::uint64_t serial() const noexcept = 0;
  // Throws TaskNotFound with the nearest names.
  [[nodiscard]] virtual const TaskInfo& find_task(std::string_view name) = 0;
  [[nodiscard]] virtual std::size_t worker_count() const noexcept = 0;

  // Queues one call. Throws PoolClosed, PoolBroken, PayloadError (too large), ResourceError; then nothing is queued.
  [[nodiscard]] virtual CompletionRef submit(const Submission& submission, VerdictCallback callback) = 0;

  // A map is begun, given its chunks in order, and sealed. One that is not sealed is given up: chunks that no worker
  // has begun never run. The map has its verdict when it is sealed and all its chunks have theirs.
  [[nodiscard]] virtual CompletionRef begin_map(const TaskInfo& task, VerdictCallback callback) = 0;
  virtual void add_chunk(Completion& map, const Submission& submission) = 0;
  virtual void seal_map(Completion& map) = 0;
  virtual void abandon_map(Completion& map) noexcept = 0;

  // True in a child after fork(): nothing works there, and it must only be forgotten.
  [[nodiscard]] virtual bool is_forked_copy() const noexcept = 0;

  virtual void close() = 0;
  virtual void terminate() = 0;
  // Throws UsageError before close() or terminate().
  virtual void join() = 0;
};

}  // namespace bulkhead::detail
