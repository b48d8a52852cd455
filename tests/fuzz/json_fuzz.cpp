// The JSON codec: text that claims to be a value, and values that binary bytes made. The first byte chooses the type, its
// highest bit between the two.
#include "bulkhead/sdk/archive.hpp"
#include "bulkhead/sdk/json_archive.hpp"
#include "fuzz/fuzzing.hpp"
#include "fuzz/hostile_types.hpp"

#include <string>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

template <class T>
void check_text(std::string_view text, fuzz::Forms forms) {
  T value{};
  try {
    // An element of two bytes ("1,") is a node of 16 in a vector that doubles, and then an element of the value.
    const AllocationLimit limit(512 * text.size() + 4096);
    sdk::json_read(text, value);
  } catch (const sdk::DecodeError&) {
    return;
  }
  std::string once;
  sdk::json_write(once, value);
  T again{};
  sdk::json_read(once, again);
  std::string twice;
  sdk::json_write(twice, again);
  require(forms == fuzz::Forms::kAny || once == twice, "what was written is read as the same value");
}

template <class T>
void check_value(std::span<const std::byte> bytes, fuzz::Forms forms) {
  T value{};
  try {
    sdk::read(bytes, value);
  } catch (const sdk::DecodeError&) {
    return;
  }
  std::string text;
  sdk::json_write(text, value);
  T again{};
  try {
    sdk::json_read(text, again);
  } catch (const sdk::DecodeError& error) {
    // The one difference: binary values have 256 levels of user types, JSON 256 of brackets.
    require(std::string_view(error.what()).find("nested deeper") != std::string_view::npos, "JSON carries every value");
    return;
  }
  std::string same;
  sdk::json_write(same, again);
  require(forms == fuzz::Forms::kAny || text == same, "JSON carries every value as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  fuzz::with_known_type(choice & 127u, [&]<class T>(const fuzz::Known<T>& known) {
    (choice & 128u) != 0 ? check_value<T>(input.rest(), known.forms) : check_text<T>(input.text(), known.forms);
  });
  return 0;
}
