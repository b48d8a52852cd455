// What Bulkhead throws.
//
// `Error` and its classes are interfaces, not std::exceptions: whatever is thrown is an object that derives from one of
// them and from exactly one standard exception. So `catch (const bulkhead::TaskError&)`, `catch (const
// std::domain_error&)` and `catch (const std::exception&)` all match the same throw. (Deriving the interfaces from
// std::exception too would make that base ambiguous, and an ambiguous base escapes `catch (const std::exception&)`.)
//
// Ownership: an error owns its texts; copying one copies them.
// Threads:   const members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace bulkhead {

// Which of the classes below an error is.
enum class ErrorCode : std::uint8_t {
  kTask,
  kWorkerLost,
  kTimeout,
  kTaskTimeout,
  kTaskCancelled,
  kPoolClosed,
  kPoolBroken,
  kQueueFull,
  kTaskNotFound,
  kSignatureMismatch,
  kArgument,
  kPlugin,
  kManifest,
  kPayload,
  kResource,
  kUsage,
};

// "TaskError", "WorkerLost", …: the class's name, for messages and JSON.
[[nodiscard]] std::string_view name_of(ErrorCode code) noexcept;

// Where in a worker's life something went wrong.
// kDestroy: in a destructor of an argument's, before the result is published.
enum class Phase : std::uint8_t { kStart, kLoad, kInit, kIdle, kDecode, kRun, kEncode, kPublish, kDestroy };
// The largest.
inline constexpr Phase kLastPhase = Phase::kDestroy;

// "start", "load", and so on, as messages have it.
[[nodiscard]] std::string_view name_of(Phase phase) noexcept;

// One exception of a chain of std::nested_exception, outermost first; or one attempt of a retried task.
struct Cause {
  std::string type;  // "std::domain_error"
  std::string text;  // its what()
};

// One function of a thread that crashed.
struct StackFrame {
  std::uint64_t address = 0;  // in the process that is gone
  std::string symbol;         // "shop::price(int)"; empty: none is known for it
  std::string file;           // the plugin, library or program it lies in; empty: none
  std::uint64_t offset = 0;   // in that file, as addr2line takes it
};

// The base of everything Bulkhead throws.
class Error {
 public:
  virtual ~Error() = default;
  // One sentence: what failed, on what, why, and what to do.
  [[nodiscard]] virtual const char* what() const noexcept = 0;
  // Which of the interfaces it is, without a cast.
  [[nodiscard]] virtual ErrorCode code() const noexcept = 0;
  // The same object as the one standard exception it also is.
  [[nodiscard]] virtual const std::exception& as_std() const noexcept = 0;
  // So that an Error can be handed to whoever takes a std::exception.
  operator const std::exception&() const noexcept { return as_std(); }

 protected:
  Error() = default;
  // Copied only as part of what is thrown.
  Error(const Error&) = default;
  // Likewise.
  Error& operator=(const Error&) = default;
};

// The task threw. What is thrown is also the task's own exception where that is one of `<stdexcept>`, std::bad_alloc or
// std::system_error, and std::runtime_error otherwise.
class TaskError : public Error {
 public:
  // What is known of it.
  struct Info {
    std::string task;             // "math.divide"
    std::string type_name;        // what the task threw: "std::domain_error"
    std::string text;             // its what(), empty when it has none
    std::vector<Cause> causes;    // its nested exceptions, outermost first
    Phase phase = Phase::kRun;    // kInit: a state's constructor threw
    std::uint64_t task_id = 0;    // the engine's number of the call
    std::int64_t worker_pid = 0;  // 0: not known
    std::string category;         // of a std::system_error
    int value = 0;                // its error number
    std::vector<Cause> attempts;  // how those before this one ended
  };
  // For the engine.
  explicit TaskError(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kTask; }
  // All of it; the others are parts of this.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // Its type, as the plugin spells it: "std::domain_error".
  [[nodiscard]] const std::string& type_name() const noexcept { return info_.type_name; }
  // Its what(); empty when it has none.
  [[nodiscard]] const std::string& text() const noexcept { return info_.text; }
  // Its nested exceptions, outermost first.
  [[nodiscard]] const std::vector<Cause>& causes() const noexcept { return info_.causes; }
  // The full name: "math.divide".
  [[nodiscard]] const std::string& task() const noexcept { return info_.task; }
  // kRun, kInit where a state's constructor threw.
  [[nodiscard]] Phase phase() const noexcept { return info_.phase; }
  // The process it ran in.
  [[nodiscard]] std::int64_t worker_pid() const noexcept { return info_.worker_pid; }

 private:
  Info info_;
};

// The task's process ended while it ran: it crashed, was killed, or left by itself (exit status 0 too).
class WorkerLost : public Error {
 public:
  // What is known of the process and its end.
  struct Info {
    std::string task;             // the full name: "math.divide"
    std::uint64_t task_id = 0;    // the engine's number of the call
    std::int64_t worker_pid = 0;  // of the process that is gone
    int signal = 0;               // that ended it; 0: it exited, or the status is unknown
    int exit_code = -1;           // -1: ended by a signal, or unknown (the warden died at the same time)
    bool core_dumped = false;     // as the kernel says
    Phase phase = Phase::kRun;    // what it was doing
    std::string detail;           // more, when there is more to say
    std::vector<Cause> attempts;  // how those before this one ended
    std::string plugin;           // the task's
    // Of an end by std::terminate(): what was thrown and could not be caught, or that nothing was. Empty: no such end.
    std::string terminate_text;
    // Of the thread that crashed, innermost first and at most 64. Empty: it was killed from outside, left by itself, or
    // was too damaged to tell.
    std::vector<StackFrame> backtrace;
    // The last lines that it wrote, to stdout, stderr or by log(), at most 4 KiB; of all its tasks, and those of its death
    // (what abort(), a sanitizer or the C library had to say) among them. Empty where output is not captured.
    std::string last_output;
    // Of the whole life of its process, with those that it forked and waited for. Zero: unknown.
    std::chrono::nanoseconds user_time{};
    std::chrono::nanoseconds system_time{};  // the same, in the kernel
    std::uint64_t max_rss_bytes = 0;         // the most that was resident; of the largest one of them
    // Nobody here killed it, and the kernel has killed for want of memory, or it had nearly all it may have: a guess.
    bool oom_hint = false;
  };
  // For the engine.
  explicit WorkerLost(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kWorkerLost; }
  // All of it; the others are parts of this.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // The full name: "math.divide".
  [[nodiscard]] const std::string& task() const noexcept { return info_.task; }
  // The signal that ended it; 0: it exited, or nobody knows.
  [[nodiscard]] int signal() const noexcept { return info_.signal; }
  // The status it left with; -1: a signal ended it, or nobody knows.
  [[nodiscard]] int exit_code() const noexcept { return info_.exit_code; }
  // What it was doing.
  [[nodiscard]] Phase phase() const noexcept { return info_.phase; }
  // The process that is gone.
  [[nodiscard]] std::int64_t worker_pid() const noexcept { return info_.worker_pid; }

 private:
  Info info_;
};

namespace detail {
// An interface that carries nothing but its code.
template <ErrorCode kCode>
class PlainError : public Error {
 public:
  struct Info {};
  PlainError() = default;
  explicit PlainError(Info) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return kCode; }
};
}  // namespace detail

// The wait ended, the task goes on: ask again.
class TimeoutError : public detail::PlainError<ErrorCode::kTimeout> {
 public:
  using PlainError::PlainError;
};
// The task's own limit or deadline passed. Final. Not derived from TimeoutError.
class TaskTimeout : public Error {
 public:
  // Which limit it was.
  struct Info {
    std::string task;                   // the full name: "math.divide"
    std::uint64_t task_id = 0;          // the engine's number of the call
    bool was_running = false;           // false: it waited for a worker until its deadline
    std::chrono::nanoseconds waited{};  // how long it ran, or was queued
    std::chrono::nanoseconds limit{};   // the timeout that passed; zero: the deadline did
    bool was_soft = false;              // it stopped by itself when the soft limit had passed
    std::vector<Cause> attempts;        // how those before this one ended
  };
  // For the engine.
  explicit TaskTimeout(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kTaskTimeout; }
  // All of it; the others are parts of this.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // False: it waited for a worker until its deadline.
  [[nodiscard]] bool was_running() const noexcept { return info_.was_running; }
  // How long it ran, or was queued.
  [[nodiscard]] std::chrono::nanoseconds waited() const noexcept { return info_.waited; }

 private:
  Info info_;
};
// The call was cancelled, or dropped by Pool::drain(), before it had another verdict.
class TaskCancelled : public detail::PlainError<ErrorCode::kTaskCancelled> {
 public:
  using PlainError::PlainError;
};
// The pool was closed or terminated, or its object destroyed, before the task had a verdict.
class PoolClosed : public detail::PlainError<ErrorCode::kPoolClosed> {
 public:
  using PlainError::PlainError;
};
// No worker can be kept alive; the text tells the first cause.
class PoolBroken : public detail::PlainError<ErrorCode::kPoolBroken> {
 public:
  using PlainError::PlainError;
};
// As many tasks, or bytes of arguments, wait as may; nothing was submitted.
class QueueFull : public detail::PlainError<ErrorCode::kQueueFull> {
 public:
  using PlainError::PlainError;
};
// Arguments or a result could not be encoded or decoded, or are too large.
class PayloadError : public detail::PlainError<ErrorCode::kPayload> {
 public:
  using PlainError::PlainError;
};
// The caller broke a rule of the API: join() before close(), zero processes, a negative time.
class UsageError : public detail::PlainError<ErrorCode::kUsage> {
 public:
  using PlainError::PlainError;
};

// No task of that name; nothing ran.
class TaskNotFound : public Error {
 public:
  // The name that was asked for, and others.
  struct Info {
    std::string task;                  // as it was asked for
    std::vector<std::string> nearest;  // names that look like it, best first
  };
  // For the engine.
  explicit TaskNotFound(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kTaskNotFound; }
  // All of it.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // Names that look like it, best first.
  [[nodiscard]] const std::vector<std::string>& nearest() const noexcept { return info_.nearest; }

 private:
  Info info_;
};

// These arguments, or this result type, can never fit the task's signature; nothing ran.
class SignatureMismatch : public Error {
 public:
  // What does not fit what.
  struct Info {
    std::string declared;  // the task's signature
    std::string called;    // the caller's
    int argument = 0;      // the first that does not fit, from 1; 0: their number, or the result
  };
  // For the engine.
  explicit SignatureMismatch(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kSignatureMismatch; }
  // All of it.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // The first argument that does not fit, from 1; 0: their number, or the result.
  [[nodiscard]] int argument() const noexcept { return info_.argument; }

 private:
  Info info_;
};

// This value does not fit the declared type, though others of its type would; nothing ran.
class ArgumentError : public SignatureMismatch {
 public:
  // For the engine.
  using SignatureMismatch::SignatureMismatch;
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kArgument; }
};

// A plugin's file cannot be used.
class PluginError : public Error {
 public:
  // What is wrong with it; the text says more.
  enum class Reason : std::uint8_t {
    kMissing,
    kPermission,
    kNotRegular,
    kNotElf,
    kTruncated,
    kWrongArchitecture,
    kNotAPlugin,
    kWrongAbi,
    kHashMismatch,
    kCannotLoad,    // dlopen refused it: the text is the loader's
    kDiedLoading,   // the throw-away process crashed, left or hung while loading it
    kInconsistent,  // its table is not what its catalogue says
    kDuplicate,     // two plugins, or two tasks, of one name
    kCircuitOpen,   // a pool's workers did not get ready because of it: see Pool::revive()
    kQuarantined,   // one of its tasks cost too many workers: see PoolOptions::quarantine_after
  };
  // Which file, and why.
  struct Info {
    std::string path;                  // as it was looked for
    Reason reason = Reason::kMissing;  // what is wrong
  };
  // For the engine.
  explicit PluginError(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kPlugin; }
  // All of it.
  [[nodiscard]] const Info& info() const noexcept { return info_; }
  // The file, as it was looked for.
  [[nodiscard]] const std::string& path() const noexcept { return info_.path; }
  // What is wrong with it.
  [[nodiscard]] Reason reason() const noexcept { return info_.reason; }

 private:
  Info info_;
};

// The manifest cannot be used. what() is the whole message, with its place and help.
class ManifestError : public Error {
 public:
  // Where it is wrong.
  struct Info {
    std::string file;  // as it was named, or found
    int line = 0;      // from 1; 0: the file as a whole
    int column = 0;    // from 1
    std::string help;  // what to do; empty when the message says it all
  };
  // For the engine.
  explicit ManifestError(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kManifest; }
  // All of it.
  [[nodiscard]] const Info& info() const noexcept { return info_; }

 private:
  Info info_;
};

// The machine cannot give what is needed: memory, descriptors, processes, threads.
class ResourceError : public Error {
 public:
  // What is short.
  struct Info {
    std::string resource;    // "memory", "descriptors", "processes", …
    std::uint64_t need = 0;  // 0: unknown
    std::uint64_t have = 0;  // in the same unit
    std::string hint;        // what to do; empty: nothing is known to help
  };
  // For the engine.
  explicit ResourceError(Info info) : info_(std::move(info)) {}
  [[nodiscard]] ErrorCode code() const noexcept override { return ErrorCode::kResource; }
  // All of it.
  [[nodiscard]] const Info& info() const noexcept { return info_; }

 private:
  Info info_;
};

namespace detail {

// What is really thrown: an interface of ours and exactly one standard exception.
template <class Api, class Std>
class Thrown final : public Api, public Std {
 public:
  template <class... StdArgs>
  Thrown(std::string text, typename Api::Info info, StdArgs&&... std_args)
      : Api(std::move(info)), Std(std::forward<StdArgs>(std_args)...), text_(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  [[nodiscard]] const std::exception& as_std() const noexcept override { return static_cast<const Std&>(*this); }

 private:
  std::string text_;
};

// The exception to throw, or to keep until somebody asks for the result.
template <class Api, class Std = std::runtime_error>
[[nodiscard]] std::exception_ptr make_error(std::string text, typename Api::Info info = {}) {
  if constexpr (std::is_constructible_v<Std, const std::string&>) {
    std::string copy = text;
    return std::make_exception_ptr(Thrown<Api, Std>(std::move(text), std::move(info), copy));
  } else {
    return std::make_exception_ptr(Thrown<Api, Std>(std::move(text), std::move(info)));
  }
}

template <class Api, class Std = std::runtime_error>
[[noreturn]] void raise(std::string text, typename Api::Info info = {}) {
  if constexpr (std::is_constructible_v<Std, const std::string&>) {
    std::string copy = text;
    throw Thrown<Api, Std>(std::move(text), std::move(info), copy);
  } else {
    throw Thrown<Api, Std>(std::move(text), std::move(info));
  }
}

}  // namespace detail
}  // namespace bulkhead
