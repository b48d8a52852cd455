#include "map_output.hpp"

#include <bulkhead/error.hpp>

#include <algorithm>

#include "json_text.hpp"

namespace bulkhead::cli {

ItemError describe_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    switch (error.code()) {
      case ErrorCode::kPoolBroken:
      case ErrorCode::kPoolClosed:
      case ErrorCode::kResource:
        throw;
      default:
        return {std::string(name_of(error.code())), error.what()};
    }
  }
}

void MapOutput::append_item(std::string& json, const Item& item) const {
  if (form_ == ItemForm::kJson && item.error.empty()) {
    json += item.text;  // a line of JSON already
  } else {
    append_text(json, item.text);
  }
}

void MapOutput::add_result(const Item& item, std::string result) {
  ++items_;
  bytes_ += item.bytes;
  std::string& line = output_->buffer();
  if (names_items_) {
    line += R"({"item":)";
    append_item(line, item);
    line += R"(,"result":)";
    line += on_one_line(std::move(result));
    line += "}\n";
  } else {
    line += on_one_line(std::move(result));
    line += '\n';
  }
  tell(item, {});
  flush_if_full();
}

bool MapOutput::skips(const Item& item) {
  if (history_ == nullptr || !history_->is_done(item)) return false;
  ++skipped_;
  return true;
}

void MapOutput::check_input_ended(std::uint64_t items) const {
  if (history_ != nullptr) history_->check_input_ended(items);
}

void MapOutput::tell(const Item& item, const std::string& error_type) {
  if (log_ == nullptr) return;
  LogEntry entry{.item = &item, .error_type = error_type, .end = {}};
  if (output_->is_regular_file()) entry.end = output_->end();
  log_->add(entry);
  if (history_ != nullptr) history_->add(item, error_type.empty(), output_->end());
}

void MapOutput::flush() {
  try {
    output_->flush();
  } catch (...) {
    // The log must not tell of lines that are lost.
    if (log_ != nullptr) log_->discard();
    throw;
  }
  if (log_ != nullptr) log_->flush();
}

void MapOutput::flush_if_full() {
  if (output_->is_full() || (log_ != nullptr && log_->file().is_full())) flush();
}

void MapOutput::note_error(const Item& item, const ItemError& error) {
  ++items_;
  ++failed_;
  ++by_type_[error.type];
  if (!first_.empty()) return;
  constexpr std::size_t kMostBytes = 200;  // an item may be a whole document
  append_item(first_, item);
  if (first_.size() > kMostBytes) first_ = first_.substr(0, kMostBytes) + "…";
  first_ += ": " + error.text;
  // One line.
  std::ranges::replace(first_, '\n', ' ');
}

void MapOutput::count_error(const Item& item, const ItemError& error) {
  note_error(item, error);
  tell(item, error.type);
}

void MapOutput::add_error(const Item& item, const ItemError& error) {
  note_error(item, error);
  std::string& line = output_->buffer();
  line += R"({"item":)";
  append_item(line, item);
  line += R"(,"error":{"type":)";
  append_text(line, error.type);
  line += R"(,"text":)";
  append_text(line, error.text);
  line += "}}\n";
  tell(item, error.type);
  flush_if_full();
}

std::string MapOutput::failed_by_type() const {
  std::string types;
  for (const auto& [type, count] : by_type_) {
    types += (types.empty() ? "" : ", ") + type + ' ' + std::to_string(count);
  }
  return types;
}

std::string MapOutput::failure_summary() const {
  return std::to_string(failed_) + " of " + std::to_string(items_) + (items_ == 1 ? " item" : " items") + " failed (" +
         failed_by_type() + "), first " + first_;
}

}  // namespace bulkhead::cli
