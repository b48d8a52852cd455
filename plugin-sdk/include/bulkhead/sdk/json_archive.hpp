// The JSON archives, and the two calls that most callers need: json_write() and json_read().
//
// Failure: EncodeError and DecodeError; the latter says where in the value it was.
#pragma once

#include <string>
#include <string_view>

#include <bulkhead/sdk/json_reader.hpp>
#include <bulkhead/sdk/json_writer.hpp>

CEREAL_SETUP_ARCHIVE_TRAITS(bulkhead::sdk::JsonReader, bulkhead::sdk::JsonWriter)

namespace bulkhead::sdk {

// Appends `value` to `out`. Throws EncodeError for what has no form.
template <class T>
void json_write(std::string& out, const T& value) {
  JsonWriter writer(out);
  writer.value(value);
}

// Fills `value` from exactly `text`. Throws DecodeError for what is not JSON, or not a T. `what`
// names the value in the error's text.
template <class T>
void json_read(std::string_view text, T& value, std::string what = {}) {
  const JsonDocument document(text);
  JsonReader(document, 0, std::move(what)).read(value);
}

}  // namespace bulkhead::sdk
