// The messages of the two lifecycle sockets: host <-> warden, and host <-> worker (its control
// socket). Never task bytes.
//
// A message is its kind (one byte) and its fields in the SDK's binary form; descriptors travel
// beside it, in the order said at each struct. Both ends are of one build (the hellos say so before
// anything else is read), so there are no versions here: only the hellos must stay readable for
// ever.
//
// Ownership: messages own their texts; descriptors belong to whoever sends or received them.
// Threads:   plain functions over their arguments.
// Failure:   decode() survives any bytes and answers nullopt: a peer that sent such is condemned.
#pragma once

#include <array>
#include <bulkhead/sdk/archive.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bulkhead::protocol {

// Identity of this build: version and a hash over the engine's sources. Host library and worker
// program must agree.
[[nodiscard]] std::string_view build_id() noexcept;

enum class MessageKind : std::uint8_t {
  // Numbers of the hellos never change.
  kHostHello = 1,
  kWardenHello = 2,
  kWorkerHello = 3,
  // host -> warden
  kStartProcess = 16,
  kNameAnnounced,
  kNameForgotten,
  kQuit,
  // warden -> host
  kProcessStarted = 32,
  kStartFailed,
  kProcessExited,
  kProcessStopped,
  // host -> worker
  kAttach = 48,
  kPlugin,
  kProbe,
  kBlock,
  kInitializer,
  kCapture,
  kPreload,
  kShared,  // either way
  kSharedTaken,
  // worker -> host
  kAttached = 64,
  kReady,
  kFailed,
  kOutput,
  kProbedPlugin,
  kProbedTask,
};

// One end of the socket is at this descriptor in a freshly executed warden or worker.
inline constexpr int kSocketFd = 3;
// First argument of the worker program; without one of them it is not for us.
inline constexpr const char* kWardenArgument = "--bulkhead-warden";
inline constexpr const char* kWorkerArgument = "--bulkhead-worker";
inline constexpr const char* kProbeArgument = "--bulkhead-probe";
inline constexpr const char* kTemplateArgument = "--bulkhead-templ";  // none longer than the warden's
inline constexpr const char* kReplayArgument = "--bulkhead-replay";   // and a dead letter's file, and how many times
inline constexpr const char* kTrialArgument = "--bulkhead-trial";     // a plugin's file and its configuration

// Texts are cut to this before they are sent, so that a message always fits the socket.
inline constexpr std::size_t kMaxControlTextBytes = 16 * 1024;
// A plugin's configuration travels in one message.
inline constexpr std::size_t kMaxConfigBytes = 96 * 1024;

// Shortens `text` to at most kMaxControlTextBytes, marked with "… (cut)".
[[nodiscard]] std::string cut_text(std::string text);

// --- host <-> warden ---

// + the host's pidfd
struct HostHello {
  static constexpr MessageKind kKind = MessageKind::kHostHello;
  std::string build;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(build);
  }
};

// + the warden's pidfd
struct WardenHello {
  static constexpr MessageKind kKind = MessageKind::kWardenHello;
  std::string build;
  std::int64_t pid = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(build, pid);
  }
};

enum class StartMode : std::uint8_t { kWorker, kProbe, kTemplate };
enum class StartHow : std::uint8_t { kFork, kExecute };

// + the new process's control socket
struct StartProcess {
  static constexpr MessageKind kKind = MessageKind::kStartProcess;
  std::uint64_t ticket = 0;  // chosen by the host, never reused
  StartMode mode = StartMode::kWorker;
  StartHow how = StartHow::kFork;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ticket, mode, how);
  }
};

// A doorbell of this name may exist from now on: the warden removes it should the host vanish.
struct NameAnnounced {
  static constexpr MessageKind kKind = MessageKind::kNameAnnounced;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name);
  }
};

struct NameForgotten {
  static constexpr MessageKind kKind = MessageKind::kNameForgotten;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name);
  }
};

// End every process and leave.
struct Quit {
  static constexpr MessageKind kKind = MessageKind::kQuit;
  template <class Archive>
  void serialize(Archive&) {}
};

// + the process's pidfd
struct ProcessStarted {
  static constexpr MessageKind kKind = MessageKind::kProcessStarted;
  std::uint64_t ticket = 0;
  std::int64_t pid = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ticket, pid);
  }
};

struct StartFailed {
  static constexpr MessageKind kKind = MessageKind::kStartFailed;
  std::uint64_t ticket = 0;
  std::string text;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ticket, text);
  }
};

struct ProcessExited {
  static constexpr MessageKind kKind = MessageKind::kProcessExited;
  std::uint64_t ticket = 0;
  std::int32_t signal = 0;      // 0: it exited
  std::int32_t exit_code = -1;  // -1: ended by a signal
  bool core_dumped = false;
  std::uint64_t max_rss_bytes = 0;
  std::int64_t user_time_ns = 0;
  std::int64_t system_time_ns = 0;
  bool is_memory_short = false;  // of one that was killed: the kernel may have done it for memory
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ticket, signal, exit_code, core_dumped, max_rss_bytes, user_time_ns, system_time_ns, is_memory_short);
  }
};

struct ProcessStopped {
  static constexpr MessageKind kKind = MessageKind::kProcessStopped;
  std::uint64_t ticket = 0;
  bool is_stopped = false;  // false: it goes on
  template <class Archive>
  void serialize(Archive& archive) {
    archive(ticket, is_stopped);
  }
};

// --- host <-> worker ---

struct WorkerHello {
  static constexpr MessageKind kKind = MessageKind::kWorkerHello;
  std::string build;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::int64_t pid = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(build, abi_major, abi_minor, pid);
  }
};

// + host memory, worker memory, pool page, leader bell, pump bell, host pidfd
struct Attach {
  static constexpr MessageKind kKind = MessageKind::kAttach;
  static constexpr std::size_t kFds = 6;
  std::uint32_t request_ring_bytes = 0;
  std::uint32_t response_ring_bytes = 0;
  std::uint32_t spin_pauses = 0;
  std::uint32_t plugin_count = 0;  // kPlugin messages that follow
  bool has_initializer = false;    // and then a kInitializer
  bool captures_output = false;    // a kCapture, before those
  bool is_put_back = false;        // what tasks change of the process
  std::string doorbell_name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(request_ring_bytes, response_ring_bytes, spin_pauses, plugin_count, has_initializer, captures_output,
            is_put_back, doorbell_name);
  }
};

// Write to this pipe from now on, and keep it empty. + its reading end, which does not block, and its writing end
struct CaptureMessage {
  static constexpr MessageKind kKind = MessageKind::kCapture;
  static constexpr std::size_t kFds = 2;
  template <class Archive>
  void serialize(Archive&) {}
};

// + the plugin's file
struct PluginMessage {
  static constexpr MessageKind kKind = MessageKind::kPlugin;
  std::string name;
  std::string shown_path;
  std::string config_json;
  bool is_left_out = false;      // not to be loaded
  std::uint32_t task_count = 0;  // the numbers it has among the tasks, loaded or not
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, shown_path, config_json, is_left_out, task_count);
  }
};

// The task to run once before the worker is ready. + its arguments, in memory that nobody can change
struct InitializerMessage {
  static constexpr MessageKind kKind = MessageKind::kInitializer;
  std::string task;
  std::uint32_t task_index = 0;  // over the plugins' tasks, in their order
  std::uint8_t codec = 0;
  std::uint64_t arguments_bytes = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(task, task_index, codec, arguments_bytes);
  }
};

// Load this plugin, tell what it is, and end. + the plugin's file, host pidfd
struct ProbeMessage {
  static constexpr MessageKind kKind = MessageKind::kProbe;
  std::string name;
  std::string shown_path;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, shown_path);
  }
};

// Load these plugins and say kReady; from then on you are asked for workers like a warden (kStartProcess, kQuit). + host
// pidfd
struct PreloadMessage {
  static constexpr MessageKind kKind = MessageKind::kPreload;
  std::uint32_t plugin_count = 0;  // kPlugin messages that follow
  template <class Archive>
  void serialize(Archive& archive) {
    archive(plugin_count);
  }
};

// A block for a large payload. + its memory
struct BlockMessage {
  static constexpr MessageKind kKind = MessageKind::kBlock;
  std::uint32_t id = 0;
  std::uint64_t size = 0;
  bool writable = false;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, size, writable);
  }
};

// A shared array that the call, or the result, which follows names. + its memory; for reading unless `writable`
struct SharedMessage {
  static constexpr MessageKind kKind = MessageKind::kShared;
  std::uint64_t id = 0;
  std::uint64_t size = 0;
  bool writable = false;
  // Of a result: which call's, and which item's. The host may not have seen the results before it yet.
  std::uint64_t task_id = 0;
  std::uint64_t item = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(id, size, writable, task_id, item);
  }
};

// The host's answer to a kShared, which the worker waits for before it sends the result that names the array.
struct SharedTakenMessage {
  static constexpr MessageKind kKind = MessageKind::kSharedTaken;
  bool is_taken = false;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(is_taken);
  }
};

// The worker has mapped its channel and opened its doorbell: the name may go.
struct Attached {
  static constexpr MessageKind kKind = MessageKind::kAttached;
  template <class Archive>
  void serialize(Archive&) {}
};

struct Ready {
  static constexpr MessageKind kKind = MessageKind::kReady;
  template <class Archive>
  void serialize(Archive&) {}
};

// There is more in the output tail. Dropped when the host does not read: the next one says the same.
struct Output {
  static constexpr MessageKind kKind = MessageKind::kOutput;
  template <class Archive>
  void serialize(Archive&) {}
};

// The last message of a worker or probe that cannot go on.
struct Failed {
  static constexpr MessageKind kKind = MessageKind::kFailed;
  std::uint8_t phase = 0;                // a bulkhead::Phase
  std::optional<std::uint8_t> reason{};  // a bulkhead::PluginError::Reason, when that is what it was
  std::string plugin;                    // empty: none in particular
  std::string text;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(phase, reason, plugin, text);
  }
};

// What a probe found in the plugin's table; `task_count` kProbedTask messages follow.
struct ProbedPlugin {
  static constexpr MessageKind kKind = MessageKind::kProbedPlugin;
  std::string name;
  std::string version;
  std::string sdk_version;
  std::string compiler;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::uint32_t task_count = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, version, sdk_version, compiler, abi_major, abi_minor, task_count);
  }
};

struct ProbedTask {
  static constexpr MessageKind kKind = MessageKind::kProbedTask;
  std::string name;  // "math.add"
  std::string signature;
  std::string doc;
  std::vector<std::string> param_names;
  std::uint32_t codecs = 0;
  std::uint32_t flags = 0;
  std::uint32_t required_flags = 0;
  std::int32_t retries = -1;
  std::int64_t timeout_ns = 0;
  std::int64_t soft_timeout_ns = 0;
  std::uint64_t shape = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, signature, doc, param_names, codecs, flags, required_flags, retries, timeout_ns, soft_timeout_ns,
            shape);
  }
};

template <class Message>
void encode_into(sdk::ByteSink& sink, const Message& message) {
  const auto kind = static_cast<std::uint8_t>(Message::kKind);
  sink.put(&kind, sizeof kind);
  sdk::write(sink, message);
}

// Bytes to send. Throws std::bad_alloc only.
template <class Message>
[[nodiscard]] std::vector<std::byte> encode(const Message& message) {
  sdk::BufferSink sink;
  encode_into(sink, message);
  const auto bytes = sink.bytes();
  return {bytes.begin(), bytes.end()};
}

// The same bytes of a message that is but numbers, in no memory but its own: for what a call waits for, which must not
// wait for memory.
template <class Message>
class EncodedNumbers {
 public:
  explicit EncodedNumbers(const Message& message) noexcept {
    static_assert(std::is_trivially_copyable_v<Message>);
    sdk::SpanSink sink(room_);
    encode_into(sink, message);
    size_ = sink.written();
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(room_).first(size_); }

 private:
  std::array<std::byte, sizeof(MessageKind) + sizeof(Message)> room_;
  std::size_t size_ = 0;
};

[[nodiscard]] inline std::optional<MessageKind> kind_of(std::span<const std::byte> bytes) noexcept {
  if (bytes.empty()) return std::nullopt;
  return static_cast<MessageKind>(bytes.front());
}

// nullopt: not a Message, or a malformed one. Enumerators are not checked: whoever reads one has a
// default.
template <class Message>
[[nodiscard]] std::optional<Message> decode(std::span<const std::byte> bytes) {
  if (kind_of(bytes) != Message::kKind) return std::nullopt;
  try {
    Message message;
    sdk::read(bytes.subspan(1), message);
    return message;
  } catch (const sdk::DecodeError&) {
    return std::nullopt;
  }
}

}  // namespace bulkhead::protocol
