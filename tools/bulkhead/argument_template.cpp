#include "argument_template.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "arguments.hpp"
#include "failures.hpp"
#include "json_text.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::string_view kItem = "{}";

std::string read_contents(const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // as base64 it still fits into a call
  const auto fail = [&path](const char* why) { throw ItemFailure("cannot read \"" + path + "\": " + why); };
  // A FIFO put in the file's place must not block.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (fd < 0) fail(std::strerror(errno));
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } const closer{fd};
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail("it is no regular file any more");
  std::string contents;
  std::size_t size = static_cast<std::size_t>(status.st_size) + 1;  // one more, to see the end
  for (;;) {
    if (size > kMostBytes) fail("it is larger than 1 GiB; use a task that takes a path");
    const std::size_t old_size = contents.size();
    contents.resize(size);
    const auto count = ::read(fd, contents.data() + old_size, size - old_size);
    if (count < 0 && errno != EINTR) fail(std::strerror(errno));
    contents.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return contents;
    if (contents.size() == size) size += 1 << 20;
  }
}

}  // namespace

ArgumentTemplate::ArgumentTemplate(const std::string& task, const Signature& signature,
                                   std::span<const std::string> words, ItemForm form, std::optional<FileAs> file_as)
    : form_(form) {
  if (words.empty()) {
    if (form == ItemForm::kJson && signature.parameters.size() != 1) {
      pieces_.push_back({PieceKind::kAll, signature.text});
      return;
    }
    if (signature.parameters.empty() || signature.required > 1) {
      throw UsageFailure("task \"" + task + "\" is " + signature.text + ": it takes " + argument_count(signature) +
                         ", an item is one (say where it goes: bulkhead map " + task + " {} …)");
    }
    pieces_.push_back({item_piece(task, signature, 1, form, file_as), {}});
    return;
  }
  check_count(task, signature, words);
  bool has_item = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool is_item = word == kItem;
    const bool is_in_word = !is_item && word.find(kItem) != std::string::npos && signature.parameters[i].is_text();
    has_item = has_item || is_item || is_in_word;
    if (is_item) {
      pieces_.push_back({item_piece(task, signature, i + 1, form, file_as), {}});
    } else if (is_in_word) {
      pieces_.push_back({PieceKind::kInWord, word});
    } else {
      std::string json;
      append_argument(json, signature, i + 1, word, Words::kBySignature);
      pieces_.push_back({PieceKind::kConstant, std::move(json)});
    }
  }
  if (!has_item) {
    throw UsageFailure(
        "no argument holds {}, so every item would be the same call (write {} where the item goes; "
        "options go before the task)");
  }
}

ArgumentTemplate::PieceKind ArgumentTemplate::item_piece(const std::string& task, const Signature& signature,
                                                         std::size_t number, ItemForm form,
                                                         std::optional<FileAs> file_as) const {
  const Parameter& parameter = signature.parameters[number - 1];
  if (form == ItemForm::kJson) return PieceKind::kJson;
  const std::string place = "parameter " + std::to_string(number) + " of task \"" + task + "\" is " + parameter.type;
  if (!parameter.is_text()) {
    throw UsageFailure(place + (form == ItemForm::kFile ? ", which no file can be"
                                                        : ": leave --lines and -0 out, and give a line of JSON"));
  }
  if (form == ItemForm::kText) return PieceKind::kText;
  if (!file_as && parameter.kind == Kind::kStr) {
    throw UsageFailure(place + ": say what of a file it gets, with --as path or --as text");
  }
  switch (file_as.value_or(parameter.kind == Kind::kBytes ? FileAs::kBytes : FileAs::kPath)) {
    case FileAs::kText:
      return PieceKind::kContentsAsText;
    case FileAs::kBytes:
      return PieceKind::kContentsAsBytes;
    case FileAs::kPath:
      break;
  }
  return PieceKind::kText;
}

void ArgumentTemplate::append_word(std::string& json, const std::string& word, std::string_view item) const {
  std::string parsed;
  if (form_ == ItemForm::kJson && text_of_json(item, parsed)) item = parsed;
  std::string text;
  std::size_t from = 0;
  for (auto at = word.find(kItem); at != std::string::npos; at = word.find(kItem, from)) {
    text.append(word, from, at - from);
    text += item;
    from = at + kItem.size();
  }
  text.append(word, from);
  append_text(json, text);
}

void ArgumentTemplate::build(std::string& json, std::string_view item) const {
  json.clear();
  if (pieces_.front().kind == PieceKind::kAll) {
    const auto begin = item.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || (item[begin] != '[' && item[begin] != '{')) {
      throw ItemFailure("the task is " + pieces_.front().text + ": an item must be the array of its arguments");
    }
    json += item;
    return;
  }
  json.reserve(item.size() + 16);  // mostly enough: the item's text and a few signs
  json += '[';
  for (const Piece& piece : pieces_) {
    if (json.size() > 1) json += ',';
    switch (piece.kind) {
      case PieceKind::kConstant:
        json += piece.text;
        break;
      case PieceKind::kJson:
        json += item;
        break;
      case PieceKind::kText:
        append_text(json, item);
        break;
      case PieceKind::kContentsAsText:
        append_text(json, read_contents(std::string(item)));
        break;
      case PieceKind::kContentsAsBytes:
        append_base64(json, read_contents(std::string(item)));
        break;
      case PieceKind::kInWord:
        append_word(json, piece.text, item);
        break;
      case PieceKind::kAll:
        break;  // stands alone
    }
  }
  json += ']';
}

}  // namespace bulkhead::cli
