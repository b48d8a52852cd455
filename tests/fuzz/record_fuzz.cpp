// What travels between host and worker beside arguments and results: the rings' records, the control socket's messages,
// and the last words that the host reads when a worker is gone. The first byte says which.
#include "fuzz/fuzzing.hpp"
#include "plugin/symbol_name.hpp"
#include "protocol/control.hpp"
#include "protocol/last_words.hpp"
#include "protocol/output_reader.hpp"
#include "protocol/record.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

bool are_same(std::span<const std::byte> a, std::span<const std::byte> b) { return std::ranges::equal(a, b); }

bool lies_in(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

template <class Header>
void check_record(std::span<const std::byte> frame,
                  std::optional<protocol::Record<Header>> (*read)(std::span<const std::byte>, protocol::Refusal&)) {
  const AllocationLimit limit(0);
  protocol::Refusal refusal;
  const auto record = read(frame, refusal);
  require(record.has_value() == (refusal.why == nullptr), "a refusal says why");
  if (!record) return;
  require(lies_in(record->extension, frame) && lies_in(record->payload, frame), "a record lies in its frame");
  require(sizeof(Header) + record->extension.size() + record->payload.size() == frame.size(),
          "every byte of a frame is accounted for");
  if (!record->extension.empty()) return;
  std::array<std::byte, 8192> again;
  protocol::write_record(again, record->header, record->payload);
  require(are_same(std::span(again).first(frame.size()), frame), "a record has one form");
}

void check_timing(std::span<const std::byte> frame) {
  protocol::Refusal refusal;
  const auto call = protocol::read_call(frame, refusal);
  if (call && (call->header.flags & protocol::kTimed) != 0) (void)protocol::timing_of(*call);
}

template <class Message>
void check_message(std::span<const std::byte> bytes) {
  std::optional<Message> message;
  {
    // A string of 8 bytes and more is one of 32 in a vector that doubles; the rest is what was wrong.
    const AllocationLimit limit(16 * bytes.size() + 1024);
    message = protocol::decode<Message>(bytes);
  }
  if (message) require(are_same(protocol::encode(*message), bytes), "a message has one form");
}

template <class... Message>
void check_messages(std::span<const std::byte> bytes) {
  (check_message<Message>(bytes), ...);
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') || c == 0x7f; });
}

// Zeros, in which the input writes: where (two bytes), how many bytes (one), those bytes; and so on.
void check_last_words(fuzz::Input input) {
  std::vector<std::byte> bytes(ipc::kLastWordsBytes);
  while (!input.rest().empty()) {
    const std::size_t at = (input.byte() | input.byte() << 8u) % bytes.size();
    const auto written = input.bytes(std::min<std::size_t>(input.byte(), bytes.size() - at));
    std::ranges::copy(written, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::optional<protocol::ReadLastWords> words;
  {
    const AllocationLimit limit(8 * ipc::kLastWordsBytes);
    words = protocol::read_last_words(bytes);
  }
  require(words->signal >= 0 && words->signal < 128, "the signal is one");
  require(words->frames.size() <= protocol::kMaxFrames && words->modules.size() <= protocol::kMaxModules,
          "the backtrace is bounded");
  for (const auto& frame : words->frames) {
    require(!frame.module || *frame.module < words->modules.size(), "a frame's module exists");
  }
  for (const auto& module : words->modules) require(is_printable(module.name), "a module's name is printable");
  require(is_printable(words->exception_type) && is_printable(words->exception_text), "texts are printable");
  require(plugin::spelled_for_people(words->exception_type).size() <= 1u << 14, "a type's name is bounded");
}

// What a worker wrote, in two pieces; the rest is as of one that died.
void check_output(std::span<const std::byte> bytes) {
  std::size_t texts = 0;
  protocol::OutputReader reader([&](const protocol::OutputLine& line) {
    require(is_printable(line.text) && is_printable(line.plugin) && line.text == protocol::printable_text(line.text),
            "lines are printable");
    require(line.text.size() <= 4 * (protocol::OutputReader::kMaxLineBytes + 3), "lines are bounded");
    texts += line.text.size();
  });
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  reader.feed(text.substr(0, text.size() / 2));
  reader.feed(text.substr(text.size() / 2));
  static protocol::OutputTail empty;
  reader.take_last(empty, -1, {});
  require(texts <= 4 * (bytes.size() + 8), "nothing is given twice");
  require(reader.latest().size() <= 4096, "what is kept is bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace protocol;
  fuzz::Input input(data, size);
  switch (input.byte() % 4) {
    case 0:
      check_record<ReplyHeader>(input.rest(), &read_reply);
      break;
    case 1:
      check_record<CallHeader>(input.rest(), &read_call);
      check_timing(input.rest());
      break;
    case 2:
      check_messages<HostHello, WardenHello, WorkerHello, StartProcess, NameAnnounced, NameForgotten, Quit,
                     ProcessStarted, StartFailed, ProcessExited, ProcessStopped, Attach, PluginMessage, ProbeMessage,
                     BlockMessage, InitializerMessage, CaptureMessage, Attached, Ready, Output, Failed, ProbedPlugin,
                     ProbedTask>(input.rest());
      break;
    default:
      check_output(input.rest());
      check_last_words(input);
  }
  return 0;
}
