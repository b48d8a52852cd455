// A map's results as lines, and what is counted of them.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "item_source.hpp"
#include "job_record.hpp"
#include "output.hpp"

namespace bulkhead::cli {

// What went wrong with one item.
struct ItemError {
  std::string type;  // "TaskError"
  std::string text;
};

class MapOutput {
 public:
  // `names_items`: every line says which item it is about; else only those of items that failed.
  // `record`: where the output is, and where each item is told of.
  MapOutput(JobRecord& record, ItemForm form, bool names_items)
      : output_(&record.output()),
        log_(record.log()),
        history_(record.history()),
        form_(form),
        names_items_(names_items) {}

  // An earlier run has done it: true, and it is counted. Throws UsageFailure when that run had another item there.
  [[nodiscard]] bool skips(const Item& item);
  // The input has no more than these. Throws UsageFailure when earlier runs had.
  void check_input_ended(std::uint64_t items) const;

  void add_result(const Item& item, std::string result);
  void add_error(const Item& item, const ItemError& error);
  // Counts it without a line.
  void count_error(const Item& item, const ItemError& error);

  // Writes all lines, and then the log of them. Throws OutputClosed, IoFailure.
  void flush();

  [[nodiscard]] std::uint64_t items() const noexcept { return items_; }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& errors() const noexcept { return by_type_; }
  // "TaskError 2, WorkerLost 1"
  [[nodiscard]] std::string failed_by_type() const;
  // "3 of 10 items failed (TaskError 2, WorkerLost 1), first "a.jpg": …"
  [[nodiscard]] std::string failure_summary() const;

 private:
  void append_item(std::string& json, const Item& item) const;
  void note_error(const Item& item, const ItemError& error);
  void tell(const Item& item, const std::string& error_type);
  void flush_if_full();

  Output* output_;
  JobLog* log_;
  JobHistory* history_;
  ItemForm form_;
  bool names_items_;
  std::uint64_t items_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t skipped_ = 0;
  std::map<std::string, std::uint64_t> by_type_;
  std::string first_;
};

// Throws the error itself when it is not the item's but the pool's: no further item will do better.
[[nodiscard]] ItemError describe_error(const std::exception_ptr& error);

}  // namespace bulkhead::cli
