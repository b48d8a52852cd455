#include "pool/completion.hpp"

#include <cstring>

#include "protocol/envelope.hpp"

namespace bulkhead::pool {

void SmallBytes::assign(std::span<const std::byte> bytes) {
  if (bytes.size() > kInlineBytes) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
    std::memcpy(larger.get(), bytes.data(), bytes.size());
    heap_ = std::move(larger);
  } else {
    heap_.reset();
    if (!bytes.empty()) std::memcpy(inline_.data(), bytes.data(), bytes.size());
  }
  size_ = static_cast<std::uint32_t>(bytes.size());
}

void Call::reset() noexcept {
  bytes.clear();
  large.reset();
  arrays.reset();
  outcomes.reset();
  extras.reset();
  submitted = {};
  priority = detail::kDefaultPriority;
  attempt = 1;
  callback.reset();
  continuations.reset();
  task = nullptr;
  map = nullptr;
  finished = 0;
  is_without_memory = false;
  state = State::kFree;
  // relaxed: nobody else knows it any more.
  is_done.store(false, std::memory_order_relaxed);
}

const Failure* failure_of(const Call& call, std::size_t index) noexcept {
  static const Failure without_memory{.code = ErrorCode::kResource};
  if (call.is_without_memory) return &without_memory;
  return call.outcomes ? call.outcomes->failure(index) : nullptr;
}

std::span<const std::byte> result_of(const Call& call, std::size_t index) noexcept {
  return call.outcomes ? call.outcomes->result(index) : call.bytes.get();
}

namespace {

// " (attempt 3; the first ended with WorkerLost: …)": all of them are in the error's info.
std::string after_attempts(const Failure& failure) {
  if (failure.attempts.empty()) return {};
  const Cause& first = failure.attempts.front();
  return " (attempt " + std::to_string(failure.attempts.size() + 1) + "; the first ended with " + first.type +
         (first.text.empty() ? "" : ": " + first.text) + ")";
}

}  // namespace

std::exception_ptr to_exception(const Failure& failure, const Call& call) {
  const std::string& task = call.task->name;
  switch (failure.code) {
    case ErrorCode::kTask:
    case ErrorCode::kPayload: {
      // Bytes from a worker: they may be anything.
      auto envelope = protocol::decode_envelope(failure.envelope);
      if (!envelope) {
        return detail::make_error<PayloadError>("task \"" + task + "\" failed, and its worker sent no readable reason");
      }
      return protocol::envelope_to_task_error(std::move(*envelope), task, call.id, failure.worker_pid,
                                              failure.attempts);
    }
    case ErrorCode::kWorkerLost: {
      WorkerLost::Info info = failure.lost;
      info.attempts = failure.attempts;
      return detail::make_error<WorkerLost>(failure.text + after_attempts(failure), std::move(info));
    }
    case ErrorCode::kTaskTimeout: {
      TaskTimeout::Info info = failure.late;
      info.attempts = failure.attempts;
      return detail::make_error<TaskTimeout>(failure.text + after_attempts(failure), std::move(info));
    }
    case ErrorCode::kTaskCancelled:
      return detail::make_error<TaskCancelled>(failure.text);
    case ErrorCode::kPlugin:
      return detail::make_error<PluginError>(failure.text, PluginError::Info{failure.path, failure.reason});
    case ErrorCode::kPoolBroken:
      return detail::make_error<PoolBroken>(failure.text);
    case ErrorCode::kResource:
      return detail::make_error<ResourceError>(
          "task \"" + task + "\" has no result: the host has no memory for what became of it",
          ResourceError::Info{.resource = "memory", .hint = "submit less at once, or give the host more"});
    default:
      return detail::make_error<PoolClosed>(failure.text);
  }
}

}  // namespace bulkhead::pool
