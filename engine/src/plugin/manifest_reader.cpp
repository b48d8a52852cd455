#include "plugin/manifest_reader.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "bulkhead/error.hpp"
#include "plugin/nearest_names.hpp"
#include "plugin/toml_json.hpp"
#include "support/byte_size.hpp"
#include "support/duration_text.hpp"
#include "support/in_quotes.hpp"

namespace bulkhead::plugin {

namespace {

// Messages quote the manifest, and go to terminals: they hold nothing that such obey.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
      },
      '?');
  return text;
}

using support::in_quotes;
using Kind = ManifestKey::Kind;

// As deep as the SDK's JSON reader goes is deeper than any configuration.
constexpr int kMaxConfigDepth = 64;

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a fraction";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    default:
      return "nothing";
  }
}

SourcePlace place_of(const toml::source_region& region) {
  return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

// A number as it was written, for a help text that adds its unit.
std::optional<std::string> bare_number(const toml::node& node) {
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (node.is_floating_point()) return json_of(node, 1);
  return std::nullopt;
}

}  // namespace

void raise_manifest_error(const std::string& file, SourcePlace place, const std::string& problem,
                          const std::string& help) {
  std::string text = printable(problem) + "\n  --> " + file;
  if (place.line > 0) {
    text += ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
  }
  const std::string safe_help = printable(help);
  if (!help.empty()) text += "\nhelp: " + safe_help;
  detail::raise<ManifestError>(std::move(text),
                               {.file = file, .line = place.line, .column = place.column, .help = safe_help});
}

SourcePlace place_of(const toml::node& node) { return place_of(node.source()); }
SourcePlace place_of(const toml::key& key) { return place_of(key.source()); }

std::string TableReader::name_of(std::string_view key) const {
  return in_quotes(key) + (shown_.empty() ? "" : " in " + shown_);
}

void TableReader::wrong_type(std::string_view key, const toml::node& node, const char* wanted,
                             const std::string& help) const {
  fail(plugin::place_of(node), name_of(key) + " must be " + wanted + ", not " + type_name(node), help);
}

void TableReader::check_keys(std::initializer_list<Hint> hints, std::initializer_list<std::string_view> others,
                             Inner inner) const {
  std::vector<std::string_view> known(others);
  for (const ManifestKey& key : keys_) known.push_back(key.key);
  for (const auto& [key, value] : table_) {
    if (std::ranges::find(known, key.str()) != known.end()) continue;
    if (inner == Inner::kTables && value.is_table()) continue;
    std::string help;
    for (const Hint& hint : hints) {
      if (hint.key == key.str()) help = hint.help;
    }
    if (help.empty()) help = did_you_mean(nearest_names(key.str(), known));
    if (help.empty()) {
      help = "known here:";
      for (const std::string_view name : known) help += ' ' + std::string(name);
    }
    const bool is_table = shown_.empty() && value.is_table();
    fail(plugin::place_of(key),
         is_table ? "unknown table [" + std::string(key.str()) + "]" : "unknown key " + name_of(key.str()), help);
  }
}

const ManifestKey& TableReader::known(std::string_view key, ManifestKey::Kind kind) const {
  const auto at = std::ranges::find(keys_, key, &ManifestKey::key);
  if (at == keys_.end() || at->kind != kind) {
    throw std::logic_error("the manifest's keys have no " + name_of(key) + " of this kind");
  }
  return *at;
}

const toml::node* TableReader::find(std::string_view key, ManifestKey::Kind kind) const {
  (void)known(key, kind);
  return table_.get(key);
}

Setting<std::string> TableReader::text(std::string_view key) const {
  const toml::node* node = find(key, Kind::kText);
  return node == nullptr ? Setting<std::string>{} : text_of(key, *node);
}

Setting<std::string> TableReader::text_of(std::string_view key, const toml::node& value) const {
  const toml::node* node = &value;
  const auto* text = node->as_string();
  if (text == nullptr) wrong_type(key, *node, "a string");
  if (text->get().empty()) fail(plugin::place_of(*node), name_of(key) + " is empty");
  // Paths and names end at a zero byte in every system call, in silence.
  if (text->get().find('\0') != std::string::npos) {
    fail(plugin::place_of(*node), name_of(key) + " contains a zero character");
  }
  return {text->get(), plugin::place_of(*node)};
}

Setting<std::string> TableReader::one_of(std::string_view key) const {
  const auto words = words_of(known(key, Kind::kWord));
  const toml::node* node = table_.get(key);
  if (node == nullptr) return {};
  Setting<std::string> setting = text_of(key, *node);
  if (std::ranges::find(words, *setting.value) != words.end()) return setting;
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "" : ", ") + in_quotes(word);
  const std::string help = did_you_mean(nearest_names(*setting.value, words, 1));
  fail(setting.place, name_of(key) + " must be one of " + list + ", not " + in_quotes(*setting.value), help);
}

Setting<int> TableReader::integer(std::string_view key) const {
  const ManifestKey& entry = known(key, Kind::kCount);
  const int least = entry.least, most = entry.most;
  const std::string_view word = entry.words.front();
  const toml::node* node = table_.get(key);
  if (node == nullptr) return {};
  const SourcePlace place = plugin::place_of(*node);
  if (const auto* text = node->as_string(); text != nullptr && !word.empty()) {
    if (text->get() == word) return {std::nullopt, place};
    fail(place, name_of(key) + " must be a whole number or " + in_quotes(word) + ", not " + in_quotes(text->get()));
  }
  const auto* number = node->as_integer();
  if (number == nullptr) wrong_type(key, *node, "a whole number");
  if (number->get() < least || number->get() > most) {
    std::string range = "at least " + std::to_string(least);
    if (most != std::numeric_limits<int>::max() || number->get() > most) {
      range += " and at most " + std::to_string(most);
    }
    fail(place, name_of(key) + " must be " + range + ", not " + std::to_string(number->get()),
         word.empty() ? "" : "leave it out, or write " + in_quotes(word) + ", for the default");
  }
  return {static_cast<int>(number->get()), place};
}

Setting<bool> TableReader::flag(std::string_view key) const {
  const toml::node* node = find(key, Kind::kFlag);
  if (node == nullptr) return {};
  const auto* flag = node->as_boolean();
  if (flag == nullptr) wrong_type(key, *node, "true or false");
  return {flag->get(), plugin::place_of(*node)};
}

Setting<std::chrono::nanoseconds> TableReader::duration(std::string_view key) const {
  const toml::node* node = find(key, Kind::kDuration);
  if (node == nullptr) return {};
  const SourcePlace place = plugin::place_of(*node);
  if (const auto number = bare_number(*node)) {
    fail(place, name_of(key) + " needs a unit",
         "write " + in_quotes(*number + "s") + " for seconds, " + in_quotes(*number + "ms") + " for milliseconds");
  }
  const auto* text = node->as_string();
  if (text == nullptr) wrong_type(key, *node, "a duration", "write \"5s\", \"250ms\" or \"10m\"");
  if (text->get() == "none") return {std::chrono::nanoseconds::max(), place};
  auto parsed = support::parse_duration(text->get());
  if (!parsed.value) fail(place, name_of(key) + ": " + parsed.problem, parsed.help);
  if (parsed.value->count() == 0) {
    fail(place, name_of(key) + " must be more than zero", "write \"none\" for no limit");
  }
  return {parsed.value, place};
}

Setting<std::uint64_t> TableReader::byte_size(std::string_view key) const {
  const toml::node* node = find(key, Kind::kBytes);
  if (node == nullptr) return {};
  const SourcePlace place = plugin::place_of(*node);
  if (const auto number = bare_number(*node)) {
    fail(place, name_of(key) + " needs a unit",
         "write " + in_quotes(*number + "MiB") + ", or " + in_quotes(*number + "B") + " for bytes");
  }
  const auto* text = node->as_string();
  if (text == nullptr) wrong_type(key, *node, "a size", "write \"512MiB\" or \"2GiB\"");
  auto parsed = support::parse_byte_size(text->get());
  if (!parsed.value) fail(place, name_of(key) + ": " + parsed.problem, parsed.help);
  if (*parsed.value == 0) fail(place, name_of(key) + " must be more than zero");
  return {parsed.value, place};
}

Setting<std::vector<std::string>> TableReader::texts(std::string_view key) const {
  const toml::node* node = find(key, Kind::kTexts);
  if (node == nullptr) return {};
  const auto* array = node->as_array();
  if (array == nullptr) {
    const auto* text = node->as_string();
    wrong_type(key, *node, "an array of strings", text != nullptr ? "write [" + json_string(text->get()) + "]" : "");
  }
  std::vector<std::string> texts;
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      fail(plugin::place_of(element),
           "each element of " + name_of(key) + " must be a string, not " + type_name(element));
    }
    if (text->get().empty() || text->get().find('\0') != std::string::npos) {
      fail(plugin::place_of(element), "an element of " + name_of(key) + " is empty or contains a zero character");
    }
    texts.push_back(text->get());
  }
  return {std::move(texts), plugin::place_of(*node)};
}

Setting<std::string> TableReader::json(std::string_view key, const toml::node& node) const {
  auto text = json_of(node, kMaxConfigDepth);
  if (!text) {
    fail(plugin::place_of(node), name_of(key) + " nests deeper than " + std::to_string(kMaxConfigDepth) + " levels");
  }
  return {std::move(text), plugin::place_of(node)};
}

Setting<std::string> TableReader::json_array(std::string_view key) const {
  const toml::node* node = find(key, Kind::kJsonArray);
  if (node == nullptr) return {};
  if (!node->is_array()) wrong_type(key, *node, "an array");
  return json(key, *node);
}

Setting<std::string> TableReader::json_object(std::string_view key) const {
  const toml::node* node = find(key, Kind::kJsonObject);
  if (node == nullptr) return {};
  if (!node->is_table()) wrong_type(key, *node, "a table", "write " + std::string(key) + " = { … }");
  return json(key, *node);
}

const toml::table* TableReader::table(std::string_view key, const std::string& help) const {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) wrong_type(key, *node, "a table", help);
  return node->as_table();
}

}  // namespace bulkhead::plugin
