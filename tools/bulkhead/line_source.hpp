// Items from a file or a pipe: JSON Lines, raw lines, or text between NULs.
//
// Ownership: owns the file it opened, not stdin.
#pragma once

#include <string>
#include <string_view>

#include "item_source.hpp"

namespace bulkhead::cli {

class LineSource final : public ItemSource {
 public:
  // "" and "-": stdin. Blank lines are no items when they should hold JSON. Throws UsageFailure when the file cannot
  // be opened.
  LineSource(const std::string& file, char separator, ItemForm form);
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;
  ~LineSource() override;

  [[nodiscard]] Next next(Item& item) override;
  [[nodiscard]] int descriptor() const override { return fd_; }
  [[nodiscard]] std::optional<double> fraction() const override;

 private:
  [[nodiscard]] bool is_readable() const;
  void read_block();
  [[nodiscard]] bool take(Item& item, std::string_view line);

  std::string file_;
  int fd_ = 0;
  char separator_;
  ItemForm form_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what no item has taken
  std::size_t scanned_ = 0;  // up to here there is no separator
  bool is_at_end_ = false;
  bool is_too_long_ = false;  // the line was cut; the rest is skipped
  std::uint64_t line_number_ = 0;
  std::uint64_t total_bytes_ = 0;  // of a regular file
  std::uint64_t read_bytes_ = 0;
};

}  // namespace bulkhead::cli
