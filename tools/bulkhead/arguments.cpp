#include "arguments.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "failures.hpp"
#include "json_text.hpp"

namespace bulkhead::cli {

namespace {

// Enough of a long word to recognise it.
std::string shown(const std::string& word) {
  constexpr std::size_t kMostBytes = 60;
  std::string text = text_to_json(std::string_view(word).substr(0, std::min(word.size(), kMostBytes)));
  return word.size() > kMostBytes ? text + "…" : text;
}

}  // namespace

void append_argument(std::string& json, const Signature& signature, std::size_t number, const std::string& word,
                     Words form) {
  const Parameter& parameter = signature.parameters[number - 1];
  if (form == Words::kBySignature && parameter.is_text()) return append_text(json, word);
  if (!is_json(word)) {
    std::string text =
        "argument " + std::to_string(number) + " must be JSON for " + parameter.type + ", " + shown(word) + " is not";
    if (parameter.is_text()) text += " (with -J a text has its quotes: '\"text\"')";
    throw UsageFailure(text);
  }
  json += word;
}

void check_count(const std::string& task, const Signature& signature, std::span<const std::string> words) {
  if (words.size() >= signature.required && words.size() <= signature.parameters.size()) return;
  std::string text = "task \"" + task + "\" is " + signature.text + ": it takes " + argument_count(signature) +
                     ", got " + std::to_string(words.size());
  const bool has_option = words.size() > signature.parameters.size() &&
                          std::ranges::any_of(words, [](const auto& word) { return word.starts_with("-"); });
  if (has_option) text += " (options go before the task: all after it are arguments)";
  throw UsageFailure(text);
}

std::string read_stdin() {
  std::string all;
  std::array<char, 65536> block;
  for (;;) {
    const auto count = ::read(STDIN_FILENO, block.data(), block.size());
    if (count == 0) return all;
    if (count > 0) {
      all.append(block.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      throw IoFailure(std::string("cannot read standard input: ") + std::strerror(errno));
    }
  }
}

}  // namespace bulkhead::cli
