// The outcomes of a call that is more than one small result, in the order of its items.
//
// Results that all have one size, as numbers do, are kept side by side and nothing else: a map of a million of them costs
// their bytes. The first item that is different makes a table of all.
//
// Threads: one at a time (the scheduler's lock) until the verdict; any number of readers afterwards.
#pragma once

#include <bulkhead/sdk/shared_place.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bulkhead/error.hpp"
#include "bulkhead/options.hpp"
#include "ipc/block.hpp"

namespace bulkhead::pool {

// Why one item has no result; made into an exception only when somebody asks.
struct Failure {
  ErrorCode code = ErrorCode::kTask;
  std::vector<std::byte> envelope;                     // kTask, kPayload: as the worker sent it
  std::string text;                                    // the other codes: the sentence
  std::string path;                                    // kPlugin
  PluginError::Reason reason{};                        // kPlugin
  WorkerLost::Info lost;                               // kWorkerLost
  TaskTimeout::Info late;                              // kTaskTimeout
  CancelOutcome cancelled = CancelOutcome::kNeverRan;  // kTaskCancelled: how far it had come
  std::vector<Cause> attempts;                         // how those before this one ended
  std::int64_t worker_pid = 0;
};

// A result, or arguments, in a block of their own.
struct LargeBytes {
  std::shared_ptr<const ipc::SharedBlock> block;
  std::uint64_t size = 0;
  [[nodiscard]] std::span<const std::byte> get() const noexcept { return block->bytes().first(size); }
};

class Outcomes {
 public:
  // `expected`: how many there will be in the end. Everything that adds throws std::bad_alloc, and has then added nothing.
  explicit Outcomes(std::size_t expected) noexcept : expected_(expected) {}

  void add_result(std::span<const std::byte> bytes);
  // As many as there are times `each` bytes.
  void add_results(std::span<const std::byte> bytes, std::uint32_t each);
  void add_large(LargeBytes large);
  void add_failure(Failure failure);
  // That the results name.
  void add_arrays(sdk::SharedRefs arrays);

  // nullptr: it succeeded.
  [[nodiscard]] const Failure* failure(std::size_t item) const noexcept;
  [[nodiscard]] std::span<const std::byte> result(std::size_t item) const noexcept;
  // The results of this item and of those after it, as far as they are known to be side by side; empty: they are not.
  [[nodiscard]] std::span<const std::byte> results_from(std::size_t item) const noexcept;
  [[nodiscard]] const std::vector<Failure>& failures() const noexcept { return failures_; }
  [[nodiscard]] const sdk::SharedRefs& arrays() const noexcept { return arrays_; }
  // The first item that failed; that of none: `expected`.
  [[nodiscard]] std::size_t first_failure() const noexcept;

 private:
  struct Item {
    std::uint64_t offset = 0;  // into bytes_
    std::uint32_t size = 0;
    std::uint32_t failure = 0;  // index + 1 into failures_
    std::uint32_t large = 0;    // index + 1 into large_
  };

  void make_table();

  std::size_t expected_;
  std::vector<std::byte> bytes_;
  std::uint32_t each_ = 0;   // not 0: every item is a result of so many bytes, and items_ is empty
  std::vector<Item> items_;  // else
  std::vector<Failure> failures_;
  std::vector<LargeBytes> large_;
  sdk::SharedRefs arrays_;
};

}  // namespace bulkhead::pool
