// A map's arguments: constant words, and places where the item goes.
//
// Threads: build() of one object from one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "item_source.hpp"
#include "signature.hpp"

namespace bulkhead::cli {

// One item cannot become arguments; the others can.
struct ItemFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What of a file is passed, where the parameter does not decide it.
enum class FileAs : std::uint8_t { kPath, kText, kBytes };

class ArgumentTemplate {
 public:
  // `words`: what stands after the task. Empty: the item is the only argument, or, where it is JSON and the task has
  // several parameters, the array of all of them. Throws UsageFailure when this cannot be.
  ArgumentTemplate(const std::string& task, const Signature& signature, std::span<const std::string> words,
                   ItemForm form, std::optional<FileAs> file_as);

  // Puts the JSON array of one call's arguments into `json`. Throws ItemFailure.
  void build(std::string& json, std::string_view item) const;

 private:
  enum class PieceKind : std::uint8_t { kConstant, kJson, kText, kContentsAsText, kContentsAsBytes, kInWord, kAll };
  struct Piece {
    PieceKind kind;
    std::string text;  // JSON of a constant; the word of kInWord
  };

  [[nodiscard]] PieceKind item_piece(const std::string& task, const Signature& signature, std::size_t number,
                                     ItemForm form, std::optional<FileAs> file_as) const;
  void append_word(std::string& json, const std::string& word, std::string_view item) const;

  ItemForm form_;
  std::vector<Piece> pieces_;
};

}  // namespace bulkhead::cli
