#include "protocol/last_words.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace bulkhead::protocol {

namespace {

// Up to its zero. Empty when there is none: then it was cut, or is none of ours.
template <std::size_t kSize>
std::string_view whole(const std::array<char, kSize>& text) {
  const auto end = std::find(text.begin(), text.end(), '\0');
  return end == text.end() ? std::string_view() : std::string_view(text.begin(), end);
}

// What goes to people's terminals and logs holds nothing that such obey.
std::string printable(std::string_view text) {
  std::string safe(text);
  std::replace_if(
      safe.begin(), safe.end(),
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f;
      },
      '?');
  return safe;
}

}  // namespace

LastWords& last_words_in(std::span<std::byte> bytes) noexcept {
  return *std::launder(reinterpret_cast<LastWords*>(bytes.data()));
}

ReadLastWords read_last_words(std::span<const std::byte> bytes) {
  ReadLastWords read;
  if (bytes.size() < sizeof(LastWords)) return read;
  const auto copy = std::make_unique<LastWords>();
  // Atomics are not to be copied so, but nobody else sees these.
  std::memcpy(static_cast<void*>(copy.get()), bytes.data(), sizeof(LastWords));
  const CrashRecord& crash = copy->crash;
  // relaxed, all of them: a copy that nobody else has.
  if (const auto signal = crash.signal.load(std::memory_order_relaxed); signal > 0 && signal < 128) {
    read.signal = static_cast<int>(signal);
    read.code = crash.code;
    read.address = crash.address;
    read.stack_pointer = crash.stack_pointer;
    const auto modules = std::min<std::size_t>(crash.module_count.load(std::memory_order_relaxed), kMaxModules);
    for (const auto& module : std::span(crash.modules).first(modules)) {
      ReadLastWords::Module& added = read.modules.emplace_back();
      added.base = module.base;
      if (module.plugin != kNoPlugin) added.plugin = module.plugin;
      added.name = printable(whole(module.name));
    }
    const auto frames = std::min<std::size_t>(crash.frame_count.load(std::memory_order_relaxed), kMaxFrames);
    for (const auto& frame : std::span(crash.frames).first(frames)) {
      ReadLastWords::Frame& added = read.frames.emplace_back();
      added.address = frame.address;
      if (frame.module < modules) added.module = frame.module;
    }
  }
  const auto kind = copy->terminate.kind.load(std::memory_order_relaxed);
  if (kind <= static_cast<std::uint32_t>(Termination::kUncaughtInThread)) {
    read.termination = static_cast<Termination>(kind);
    read.exception_type = printable(whole(copy->terminate.type));
    read.exception_text = printable(whole(copy->terminate.text));
    std::replace(read.exception_text.begin(), read.exception_text.end(), '\n', ' ');  // it goes into a sentence
  }
  return read;
}

}  // namespace bulkhead::protocol
