// Takes typed values out of TOML tables, and turns whatever does not fit into a ManifestError that
// points at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bulkhead/manifest.hpp"
#include "plugin/manifest_keys.hpp"
#include "plugin/toml.hpp"

namespace bulkhead::plugin {

// Throws ManifestError: `problem`, the place below it, and the help, if any, below that.
[[noreturn]] void raise_manifest_error(const std::string& file, SourcePlace place, const std::string& problem,
                                       const std::string& help = {});

[[nodiscard]] SourcePlace place_of(const toml::node& node);
[[nodiscard]] SourcePlace place_of(const toml::key& key);

// One table being read. `shown` is how people name it: "[pool]"; empty for the file's top. `name` is its name in
// manifest_keys(), which says what each key may be.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string shown, std::string_view name, const std::string& file)
      : table_(table), shown_(std::move(shown)), keys_(manifest_keys_of(name)), file_(file) {}

  // A key that people write here by mistake, and what to tell them.
  struct Hint {
    std::string_view key;
    std::string_view help;
  };
  // Refuses keys that are neither the table's nor among `others`. The help is a hint's, or the nearest known keys.
  enum class Inner : std::uint8_t { kNone, kTables };  // kTables: unknown tables are not refused
  void check_keys(std::initializer_list<Hint> hints = {}, std::initializer_list<std::string_view> others = {},
                  Inner inner = Inner::kNone) const;

  // Each is unset when the key is not there. Requires: the table has the key, and of that kind.
  [[nodiscard]] Setting<std::string> text(std::string_view key) const;
  [[nodiscard]] Setting<std::string> one_of(std::string_view key) const;
  // The key's word in place of the number is a setting without a value.
  [[nodiscard]] Setting<int> integer(std::string_view key) const;
  [[nodiscard]] Setting<bool> flag(std::string_view key) const;
  // "none" is nanoseconds::max().
  [[nodiscard]] Setting<std::chrono::nanoseconds> duration(std::string_view key) const;
  [[nodiscard]] Setting<std::uint64_t> byte_size(std::string_view key) const;
  [[nodiscard]] Setting<std::vector<std::string>> texts(std::string_view key) const;
  [[nodiscard]] Setting<std::string> json_array(std::string_view key) const;
  [[nodiscard]] Setting<std::string> json_object(std::string_view key) const;
  // Null when the key is not there.
  [[nodiscard]] const toml::table* table(std::string_view key, const std::string& help) const;

  // `"timeout" in [task.img]`: how messages name a value.
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[noreturn]] void fail(SourcePlace place, const std::string& problem, const std::string& help = {}) const {
    raise_manifest_error(file_, place, problem, help);
  }

 private:
  [[noreturn]] void wrong_type(std::string_view key, const toml::node& node, const char* wanted,
                               const std::string& help = {}) const;
  [[nodiscard]] Setting<std::string> text_of(std::string_view key, const toml::node& node) const;
  [[nodiscard]] Setting<std::string> json(std::string_view key, const toml::node& node) const;

  [[nodiscard]] const ManifestKey& known(std::string_view key, ManifestKey::Kind kind) const;
  // The node of a key of this kind; null when it is not there.
  [[nodiscard]] const toml::node* find(std::string_view key, ManifestKey::Kind kind) const;

  const toml::table& table_;
  std::string shown_;
  std::span<const ManifestKey> keys_;
  const std::string& file_;
};

}  // namespace bulkhead::plugin
