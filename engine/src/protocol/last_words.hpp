// What a worker leaves in shared memory for the time after its death: how it crashed.
//
// Protocol
//   Zero when the worker starts. Only the worker writes; the host reads once, when the process has ended.
//   crash      written by the first thread that crashes, from a signal handler. `signal` comes last of its first part, so
//              a handler that crashes too leaves what it had; `frame_count` and `module_count` count what is whole.
//   terminate  written before that by std::terminate's handler. `kind` comes last.
//
// Any bytes may lie there: the reader copies them once and believes none.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ipc/channel_layout.hpp"

namespace bulkhead::protocol {

inline constexpr std::size_t kMaxFrames = 64;
inline constexpr std::size_t kMaxModules = 16;
inline constexpr std::size_t kModuleNameBytes = 240;
inline constexpr std::uint32_t kNoModule = 0xffff;
inline constexpr std::uint32_t kNoPlugin = 0xffffffff;

struct CrashRecord {
  struct Frame {
    std::uint64_t address = 0;  // the first: of the instruction; the others: where it returns to
    std::uint64_t module = 0;   // its number, or kNoModule
  };
  struct Module {
    std::uint64_t base = 0;            // what its own addresses have to be raised by
    std::uint32_t plugin = kNoPlugin;  // its number among the worker's plugins
    std::uint32_t reserved = 0;
    std::array<char, kModuleNameBytes> name{};  // its file; cut when there is no zero at the end
  };
  std::atomic<std::uint32_t> signal;  // 0: no crash
  std::int32_t code = 0;              // si_code
  std::uint64_t address = 0;          // si_addr
  std::uint64_t stack_pointer = 0;
  std::atomic<std::uint32_t> frame_count;
  std::atomic<std::uint32_t> module_count;
  std::array<Frame, kMaxFrames> frames{};
  std::array<Module, kMaxModules> modules{};
};

enum class Termination : std::uint32_t {
  kNone,
  kNoException,       // std::terminate() was called, or a std::thread destroyed that nobody joined
  kOutOfNoexcept,     // an exception met a noexcept function, on the thread that runs the tasks
  kUncaughtInThread,  // or ran out of a thread
};

struct TerminateRecord {
  std::atomic<std::uint32_t> kind;  // a Termination
  std::array<char, 508> type{};     // as the compiler spells it
  std::array<char, 1024> text{};    // its what()
};

struct LastWords {
  CrashRecord crash;
  TerminateRecord terminate;
};
static_assert(std::is_standard_layout_v<LastWords> && sizeof(LastWords) <= ipc::kLastWordsBytes);
static_assert(sizeof(CrashRecord::Module) == 256 && sizeof(CrashRecord::Frame) == 16);

// The record of a worker that lives in these bytes, which are an ipc channel's last words.
[[nodiscard]] LastWords& last_words_in(std::span<std::byte> bytes) noexcept;

// The same, checked and in the host's own memory.
struct ReadLastWords {
  struct Module {
    std::uint64_t base = 0;
    std::optional<std::uint32_t> plugin;
    std::string name;  // empty: unknown, or too long
  };
  struct Frame {
    std::uint64_t address = 0;
    std::optional<std::size_t> module;  // an index that exists
  };
  int signal = 0;
  int code = 0;
  std::uint64_t address = 0;
  std::uint64_t stack_pointer = 0;
  std::vector<Frame> frames;
  std::vector<Module> modules;
  Termination termination = Termination::kNone;
  std::string exception_type;  // printable, as all texts here
  std::string exception_text;
};
[[nodiscard]] ReadLastWords read_last_words(std::span<const std::byte> bytes);

}  // namespace bulkhead::protocol
