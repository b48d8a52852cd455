// What a job log tells: which items are done, and where in the output each one's line lies.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "item_source.hpp"

namespace bulkhead::cli {

class JobHistory {
 public:
  // Of what the log holds. `log_name` is for messages. Throws UsageFailure when the text is no job log, or one of
  // another command than `identity`.
  JobHistory(std::string_view log, std::string log_name, const std::string& identity, bool is_ordered);

  // No run was begun.
  [[nodiscard]] bool is_empty() const noexcept { return !has_run_; }
  // Bytes of the log that are whole lines.
  [[nodiscard]] std::uint64_t whole_bytes() const noexcept { return whole_bytes_; }
  // Bytes of output that the log tells of.
  [[nodiscard]] std::uint64_t output_bytes() const noexcept { return output_bytes_; }
  // The last line says that the output was about to be replaced.
  [[nodiscard]] bool ends_assembled() const noexcept { return ends_assembled_; }

  // Whether this item needs no further run. Throws UsageFailure when it is not the item that the log tells of.
  [[nodiscard]] bool is_done(const Item& item) const;
  // Throws UsageFailure when the input has fewer items than the log tells of.
  void check_input_ended(std::uint64_t items) const;

  // An item of the present run; its line ends at `end`.
  void add(const Item& item, bool has_succeeded, std::uint64_t end);

  // Bytes of the output, one range behind the other, that make it one line per item, in the items' order where the
  // output has one.
  struct Range {
    std::uint64_t at = 0;
    std::uint64_t size = 0;
  };
  [[nodiscard]] std::vector<Range> assembly() const;

 private:
  struct Entry {
    std::uint64_t hash = 0;
    bool has_succeeded = false;
    Range line;
  };

  // Numbers of the items that have a line.
  [[nodiscard]] std::vector<std::uint64_t> lines_in_order() const;
  void check_identity(std::string_view run, const std::string& identity) const;
  void replay(std::string_view line);
  void replay_assembly(std::uint64_t size);
  [[noreturn]] void refuse_line(std::string_view why) const;

  std::string log_name_;
  bool is_ordered_;
  bool has_run_ = false;
  bool ends_assembled_ = false;
  std::uint64_t line_number_ = 0;
  std::uint64_t whole_bytes_ = 0;
  std::uint64_t output_bytes_ = 0;
  std::uint64_t known_items_ = 0;  // the highest number, plus one
  std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace bulkhead::cli
