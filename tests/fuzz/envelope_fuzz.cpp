// Error envelopes, which a worker writes: decoding, rebuilding the exception, and cutting to fit.
#include "bulkhead/sdk/byte_sink.hpp"
#include "fuzz/fuzzing.hpp"
#include "protocol/envelope.hpp"

#include <algorithm>
#include <cstring>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

bool are_same(std::span<const std::byte> a, std::span<const std::byte> b) { return std::ranges::equal(a, b); }

void check_exception(protocol::ErrorEnvelope envelope, std::size_t bytes) {
  // A JSON value of two bytes ("0,") costs a node of 16 in a vector that doubles, and each text is copied a few times.
  const AllocationLimit limit(64 * bytes + 8192);
  try {
    std::rethrow_exception(protocol::envelope_to_task_error(std::move(envelope), "shop.price", 7, 1234));
  } catch (const Error& error) {
    require(std::strlen(error.what()) > 0, "an error has a text");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t room = std::size_t{4} * protocol::kEnvelopeOverheadBytes + 8 * input.byte();
  const auto bytes = input.rest();
  std::optional<protocol::ErrorEnvelope> envelope;
  {
    const AllocationLimit limit(2 * bytes.size() + 1024);  // the texts; or what was wrong
    envelope = protocol::decode_envelope(bytes);
  }
  if (!envelope) return 0;
  sdk::BufferSink sink;
  protocol::encode_envelope(sink, *envelope);
  require(are_same(sink.bytes(), bytes), "an envelope has one form");
  check_exception(*envelope, bytes.size());

  protocol::cut_to_fit(*envelope, room);
  sink.clear();
  protocol::encode_envelope(sink, *envelope);
  require(sink.bytes().size() <= room, "an envelope that was cut fits");
  require(protocol::decode_envelope(sink.bytes()).has_value(), "an envelope that was cut is one");
  return 0;
}
