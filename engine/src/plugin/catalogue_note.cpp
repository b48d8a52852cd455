#include "plugin/catalogue_note.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"
#include "support/in_quotes.hpp"

namespace bulkhead::plugin {

namespace {

using support::in_quotes;

using Reason = PluginError::Reason;

constexpr std::size_t kMaxTaskNameBytes = 64;

// Control characters in what is printed to terminals are somebody's trick or a broken file.
bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Reads one note; holds what every message needs.
class NoteParser {
 public:
  explicit NoteParser(const std::string& path) { entry_.path = path; }

  PluginEntry parse(std::string_view text) {
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    while (!text.empty()) {
      const auto end = text.find('\n');
      if (end == std::string_view::npos) broken("its last line is cut off");
      ++line_;
      parse_line(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    if (!seen_header_) not_a_catalogue();
    if (entry_.name.empty()) broken("it does not name the plugin");
    return std::move(entry_);
  }

 private:
  [[noreturn]] void fail(Reason reason, const std::string& text) const {
    detail::raise<PluginError>(text, {.path = entry_.path, .reason = reason});
  }
  [[noreturn]] void not_a_catalogue() const {
    fail(Reason::kNotAPlugin, in_quotes(entry_.path) +
                                  " is not a Bulkhead plugin: its catalogue note does not begin "
                                  "with \"bulkhead\"");
  }
  [[noreturn]] void broken(const std::string& why) const {
    fail(Reason::kInconsistent, "the catalogue of " + in_quotes(entry_.path) + " is broken in line " +
                                    std::to_string(line_) + ": " + why +
                                    " (rebuild the plugin with bulkhead_add_plugin)");
  }

  std::vector<std::string> split(std::string_view line) const {
    std::vector<std::string> fields(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\t') {
        fields.emplace_back();
      } else if (line[i] != '\\') {
        fields.back() += line[i];
      } else if (++i == line.size()) {
        broken("a backslash ends it");
      } else {
        switch (line[i]) {
          case '\\':
            fields.back() += '\\';
            break;
          case 't':
            fields.back() += '\t';
            break;
          case 'n':
            fields.back() += '\n';
            break;
          case 'r':
            fields.back() += '\r';
            break;
          default:
            broken("unknown escape");
        }
      }
    }
    return fields;
  }

  template <class Int>
  Int number(const std::string& field, const char* what) const {
    Int value{};
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size()) {
      broken(std::string(what) + " is not a number it may be");
    }
    return value;
  }

  std::chrono::nanoseconds duration(const std::string& field, const char* what) const {
    const auto nanoseconds = number<std::int64_t>(field, what);
    if (nanoseconds < 0) broken(std::string(what) + " is negative");
    return std::chrono::nanoseconds(nanoseconds);
  }

  void need(const std::vector<std::string>& fields, std::size_t count) const {
    if (fields.size() < count) {
      broken("it has " + std::to_string(fields.size()) + " fields of " + std::to_string(count));
    }
  }

  void parse_line(std::string_view line) {
    if (!seen_header_) {
      if (!line.starts_with("bulkhead\t")) not_a_catalogue();
      parse_header(split(line));
      return;
    }
    const std::vector<std::string> fields = split(line);
    if (fields[0] == "plugin") {
      parse_plugin(fields);
    } else if (fields[0] == "task") {
      parse_task(fields);
    } else if (fields[0] == "example") {
      parse_example(fields);
    }  // others come from newer SDKs
  }

  void parse_header(const std::vector<std::string>& fields) {
    // The major number first: another one may mean another form of all that follows.
    need(fields, 3);
    entry_.abi_major = number<std::uint32_t>(fields[1], "the ABI's major number");
    entry_.abi_minor = number<std::uint32_t>(fields[2], "the ABI's minor number");
    if (entry_.abi_major != BULKHEAD_ABI_MAJOR) {
      fail(Reason::kWrongAbi, "cannot use plugin " + in_quotes(entry_.path) + ": built for ABI " +
                                  std::to_string(entry_.abi_major) + ", this engine has " +
                                  std::to_string(BULKHEAD_ABI_MAJOR) + " (rebuild it against the installed SDK)");
    }
    need(fields, 5);
    const auto required = number<std::uint64_t>(fields[3], "the required flags");
    if (required != 0) {
      fail(Reason::kWrongAbi, "cannot use plugin " + in_quotes(entry_.path) +
                                  ": it needs features that this engine does not have (required "
                                  "flags " +
                                  std::to_string(required) +
                                  "; use a newer engine, or rebuild the plugin against this "
                                  "engine's SDK)");
    }
    (void)number<std::uint64_t>(fields[4], "the flags");  // none is known yet; all may be ignored
    seen_header_ = true;
  }

  void parse_plugin(const std::vector<std::string>& fields) {
    need(fields, 5);
    if (!entry_.name.empty()) broken("it names the plugin a second time");
    if (!is_name(fields[1])) broken("the plugin's name is not an identifier of at most 64 bytes");
    for (std::size_t i = 2; i < 5; ++i) {
      if (!is_printable(fields[i])) broken("there are control characters in it");
    }
    entry_.name = fields[1];
    entry_.version = fields[2];
    entry_.sdk_version = fields[3];
    entry_.compiler = fields[4];
  }

  void parse_task(const std::vector<std::string>& fields) {
    if (entry_.name.empty()) broken("a task comes before the plugin");
    need(fields, 11);
    if (entry_.tasks.size() == kMaxTasks) broken("there are too many tasks");
    if (!is_name(fields[1])) broken("the task's name is not an identifier of at most 64 bytes");
    if (fields[2].empty() || !is_printable(fields[2])) broken("its signature is not one");
    if (!names_.insert(fields[1]).second) {
      fail(Reason::kDuplicate, "plugin " + in_quotes(entry_.path) + " has two tasks called " + in_quotes(fields[1]) +
                                   " (rename one in its BULKHEAD_PLUGIN)");
    }
    TaskEntry task;
    task.name = entry_.name + '.' + fields[1];
    task.signature = fields[2];
    task.codecs = number<std::uint32_t>(fields[3], "the codec mask");
    task.flags = number<std::uint32_t>(fields[4], "the task's flags");
    task.required_flags = number<std::uint32_t>(fields[5], "the task's required flags");
    task.retries = number<std::int32_t>(fields[6], "the retries");
    if (task.retries < -1) broken("the retries are negative");
    task.timeout = duration(fields[7], "the timeout");
    task.soft_timeout = duration(fields[8], "the soft timeout");
    task.param_names = parse_param_names(fields[9]);
    task.doc = fields[10];
    task.task_index = static_cast<std::uint32_t>(entry_.tasks.size());
    entry_.tasks.push_back(std::move(task));
  }

  // Of the task in the line before. What it says is JSON only the plugin understands.
  void parse_example(const std::vector<std::string>& fields) {
    if (entry_.tasks.empty()) broken("an example comes before the tasks");
    need(fields, 3);
    if (!is_printable(fields[1]) || !is_printable(fields[2])) broken("there are control characters in an example");
    entry_.tasks.back().examples.push_back({.arguments = fields[1], .result = fields[2]});
  }

  std::vector<std::string> parse_param_names(std::string_view list) const {
    std::vector<std::string> names;
    while (!list.empty()) {
      const auto comma = list.find(',');
      const std::string_view name = list.substr(0, comma);
      if (!is_name(name)) broken("a parameter's name is not an identifier");
      names.emplace_back(name);
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
      if (list.empty()) broken("a parameter's name is missing");
    }
    return names;
  }

  PluginEntry entry_;
  std::set<std::string> names_;
  std::size_t line_ = 0;
  bool seen_header_ = false;
};

}  // namespace

bool is_name(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= kMaxTaskNameBytes && is_letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

PluginEntry parse_note(std::string_view text, const std::string& path) { return NoteParser(path).parse(text); }

}  // namespace bulkhead::plugin
