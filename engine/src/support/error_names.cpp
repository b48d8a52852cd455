#include "bulkhead/error.hpp"

namespace bulkhead {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kTask:
      return "TaskError";
    case ErrorCode::kWorkerLost:
      return "WorkerLost";
    case ErrorCode::kTimeout:
      return "TimeoutError";
    case ErrorCode::kTaskTimeout:
      return "TaskTimeout";
    case ErrorCode::kTaskCancelled:
      return "TaskCancelled";
    case ErrorCode::kPoolClosed:
      return "PoolClosed";
    case ErrorCode::kPoolBroken:
      return "PoolBroken";
    case ErrorCode::kQueueFull:
      return "QueueFull";
    case ErrorCode::kTaskNotFound:
      return "TaskNotFound";
    case ErrorCode::kSignatureMismatch:
      return "SignatureMismatch";
    case ErrorCode::kArgument:
      return "ArgumentError";
    case ErrorCode::kPlugin:
      return "PluginError";
    case ErrorCode::kManifest:
      return "ManifestError";
    case ErrorCode::kPayload:
      return "PayloadError";
    case ErrorCode::kResource:
      return "ResourceError";
    case ErrorCode::kUsage:
      return "UsageError";
  }
  return "Error";
}

std::string_view name_of(Phase phase) noexcept {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kLoad:
      return "load";
    case Phase::kInit:
      return "init";
    case Phase::kIdle:
      return "idle";
    case Phase::kDecode:
      return "decode";
    case Phase::kRun:
      return "run";
    case Phase::kEncode:
      return "encode";
    case Phase::kPublish:
      return "publish";
    case Phase::kDestroy:
      return "destroy";
  }
  return "unknown";
}

}  // namespace bulkhead
