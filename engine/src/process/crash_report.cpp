#include "process/crash_report.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <utility>

#include "plugin/elf_symbols.hpp"
#include "plugin/symbol_name.hpp"
#include "process/exit_reason.hpp"
#include "process/worker.hpp"
#include "protocol/last_words.hpp"
#include "support/fault_point.hpp"
#include "support/hex_text.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process {

namespace {

using protocol::ReadLastWords;
using protocol::Termination;
using support::UniqueFd;

// How far beyond its end a function may reach with its frame before the stack's guard catches it, and how far what is
// pushed there lies from the stack pointer.
constexpr std::uint64_t kBelowStack = 64 * 1024;
constexpr std::uint64_t kAboveStack = 4 * 1024;
// Names of templates can fill a screen; the backtrace has them whole.
constexpr std::size_t kMaxPlaceBytes = 120;

// The path is the dead worker's word: it may name anything, and only a plain file is read.
UniqueFd open_library(const std::string& path) {
  // What lies in /proc is this process's own there.
  if (!path.starts_with('/') || path.starts_with("/proc/")) return {};
  UniqueFd fd(BULKHEAD_FAULT_CALL("report.open", EMFILE, -1,
                                  ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)));
  struct stat status {};
  if (!fd.is_open() || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return fd;
}

class Symboliser {
 public:
  Symboliser(const ReadLastWords& words, std::span<const PluginToLoad> plugins) : words_(words), plugins_(plugins) {}

  [[nodiscard]] StackFrame frame(std::size_t index) {
    const auto& from = words_.frames[index];
    StackFrame frame{.address = from.address, .symbol = {}, .file = {}, .offset = 0};
    if (!from.module) return frame;
    const auto& module = words_.modules[*from.module];
    const PluginToLoad* const plugin = plugin_of(index);
    frame.file = plugin != nullptr ? plugin->shown_path : module.name;
    // A call may be a function's last instruction; where it returns to is then another's.
    frame.offset = from.address - module.base - (index == 0 ? 0 : 1);
    frame.symbol = symbols_of(*from.module, plugin).find(frame.offset);
    return frame;
  }

  // Null: it does not lie in a plugin.
  [[nodiscard]] const PluginToLoad* plugin_of(std::size_t index) const {
    const auto& module = words_.frames[index].module;
    if (!module) return nullptr;
    const auto plugin = words_.modules[*module].plugin;
    return plugin && *plugin < plugins_.size() ? &plugins_[*plugin] : nullptr;
  }

 private:
  struct File {
    UniqueFd fd;
    std::optional<plugin::ElfSymbols> symbols;
  };

  const plugin::ElfSymbols& symbols_of(std::size_t module, const PluginToLoad* plugin) {
    File& file = files_[module];
    if (!file.symbols) {
      if (plugin == nullptr) file.fd = open_library(words_.modules[module].name);
      file.symbols.emplace(plugin != nullptr ? plugin->fd : file.fd.get());
    }
    return *file.symbols;
  }

  const ReadLastWords& words_;
  std::span<const PluginToLoad> plugins_;
  std::map<std::size_t, File> files_;
};

// As faulting instructions know it: not of signals that somebody sent, nor where the processor does not tell.
std::optional<std::uint64_t> fault_address(const ReadLastWords& words) {
  const bool is_fault = words.signal == SIGSEGV || words.signal == SIGBUS;
  if (!is_fault || words.code <= 0 || words.code == SI_KERNEL) return std::nullopt;
  return words.address;
}

bool is_near_stack(const ReadLastWords& words) {
  const std::uint64_t from = words.stack_pointer - std::min(words.stack_pointer, kBelowStack);
  return words.address >= from && words.address - from <= kBelowStack + kAboveStack;
}

std::string terminate_text(const ReadLastWords& words) {
  if (words.termination == Termination::kNone) return {};
  if (words.termination == Termination::kNoException) return "std::terminate() was called without an exception";
  std::string text = plugin::spelled_for_people(words.exception_type);
  if (text.empty()) text = "an exception of unknown type";
  if (!words.exception_text.empty()) text += ": " + words.exception_text;
  return text + (words.termination == Termination::kUncaughtInThread ? " (not caught in a thread of the task's own)"
                                                                     : " (thrown through a noexcept function)");
}

// A task the compiler has put into the code that calls it: the name would be a screenful about that.
bool is_sdk_code(const StackFrame& frame) {
  // The second when the name is one that nobody writes out.
  return frame.symbol.find("bulkhead::sdk::") != std::string::npos ||
         frame.symbol.find("N8bulkhead3sdk") != std::string::npos;
}

// "shop::price(int)"; in a file without names "shop.so+0x12ab".
std::string place_of(const StackFrame& frame) {
  if (frame.symbol.size() > kMaxPlaceBytes) return frame.symbol.substr(0, kMaxPlaceBytes) + "…";
  if (!frame.symbol.empty() || frame.file.empty()) return frame.symbol;
  return frame.file.substr(frame.file.rfind('/') + 1) + "+" + support::hex_text(frame.offset);
}

}  // namespace

CrashReport read_crash_report(std::span<const std::byte> last_words, const ExitStatus& status,
                              std::span<const PluginToLoad> plugins) {
  ReadLastWords words = protocol::read_last_words(last_words);
  CrashReport report;
  report.terminate_text = terminate_text(words);
  if (words.signal == 0 || (status.known && status.signal != words.signal)) return report;
  report.address = fault_address(words);
  report.is_stack_overflow = words.signal == SIGSEGV && report.address && is_near_stack(words);
  Symboliser symboliser(words, plugins);
  std::string fallback;
  bool is_in_plugin = false;
  for (std::size_t i = 0; i < words.frames.size(); ++i) {
    StackFrame frame = symboliser.frame(i);
    if (!is_in_plugin && symboliser.plugin_of(i) != nullptr) {
      is_in_plugin = true;
      report.plugin = static_cast<std::uint32_t>(symboliser.plugin_of(i) - plugins.data());
      if (!is_sdk_code(frame)) report.place = place_of(frame);
    }
    if (fallback.empty()) fallback = place_of(frame);
    report.backtrace.push_back(std::move(frame));
  }
  if (!is_in_plugin) report.place = std::move(fallback);
  return report;
}

}  // namespace bulkhead::process
