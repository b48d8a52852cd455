// The binary archive, over bytes that claim to be arguments or a result. The first byte chooses the type.
#include "bulkhead/sdk/archive.hpp"
#include "fuzz/fuzzing.hpp"
#include "fuzz/hostile_types.hpp"

#include <algorithm>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

// False: refused.
template <class T>
bool decode(std::span<const std::byte> bytes, T& value, std::size_t cost_per_byte) {
  const AllocationLimit limit(cost_per_byte * bytes.size() + 2048);
  try {
    sdk::read(bytes, value);
    return true;
  } catch (const sdk::DecodeError&) {
    return false;
  }
}

template <class T>
void check(std::span<const std::byte> bytes, const fuzz::Known<T>& known) {
  T value{};
  if (!decode(bytes, value, known.cost_per_byte)) return;
  sdk::BufferSink once;
  sdk::write(once, value);
  require(once.bytes().size() == bytes.size(), "what was accepted is as long as what it is encoded as");
  if (known.forms == fuzz::Forms::kOne) require(std::ranges::equal(once.bytes(), bytes), "a value has one form");
  T again{};
  require(decode(once.bytes(), again, known.cost_per_byte), "what was encoded is accepted");
  sdk::BufferSink twice;
  sdk::write(twice, again);
  require(known.forms == fuzz::Forms::kAny || std::ranges::equal(once.bytes(), twice.bytes()), "it is the same value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::with_known_type(input.byte(), [&](const auto& known) { check(input.rest(), known); });
  return 0;
}
