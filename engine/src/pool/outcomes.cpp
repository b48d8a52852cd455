#include "pool/outcomes.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::pool {

void Outcomes::make_table() {
  if (each_ == 0) {
    if (items_.empty()) items_.reserve(expected_);
    return;
  }
  std::vector<Item> items;
  items.reserve(expected_);
  for (std::uint64_t offset = 0; offset < bytes_.size(); offset += each_) {
    items.push_back({.offset = offset, .size = each_});
  }
  items_ = std::move(items);
  each_ = 0;
}

void Outcomes::add_result(std::span<const std::byte> bytes) {
  make_table();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  items_.push_back({.offset = bytes_.size() - bytes.size(), .size = static_cast<std::uint32_t>(bytes.size())});
}

void Outcomes::add_results(std::span<const std::byte> bytes, std::uint32_t each) {
  if (items_.empty() && bytes_.empty()) {
    bytes_.reserve(expected_ * each);
    each_ = each;
  }
  if (each_ == each) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return;
  }
  for (; !bytes.empty(); bytes = bytes.subspan(each)) add_result(bytes.first(each));
}

void Outcomes::add_large(LargeBytes large) {
  make_table();
  large_.push_back(std::move(large));
  items_.push_back({.large = static_cast<std::uint32_t>(large_.size())});
}

void Outcomes::add_failure(Failure failure) {
  make_table();
  failures_.push_back(std::move(failure));
  items_.push_back({.failure = static_cast<std::uint32_t>(failures_.size())});
}

void Outcomes::add_arrays(sdk::SharedRefs arrays) {
  if (arrays_.empty()) {
    arrays_ = std::move(arrays);
  } else {
    arrays_.insert(arrays_.end(), arrays.begin(), arrays.end());
  }
}

const Failure* Outcomes::failure(std::size_t item) const noexcept {
  if (each_ != 0 || items_[item].failure == 0) return nullptr;
  return &failures_[items_[item].failure - 1];
}

std::span<const std::byte> Outcomes::result(std::size_t item) const noexcept {
  if (each_ != 0) return std::span(bytes_).subspan(item * each_, each_);
  const Item& entry = items_[item];
  if (entry.large != 0) return large_[entry.large - 1].get();
  return std::span(bytes_).subspan(entry.offset, entry.size);
}

std::span<const std::byte> Outcomes::results_from(std::size_t item) const noexcept {
  return each_ == 0 ? std::span<const std::byte>() : std::span(bytes_).subspan(item * each_);
}

std::size_t Outcomes::first_failure() const noexcept {
  if (failures_.empty()) return expected_;
  const auto failed = std::find_if(items_.begin(), items_.end(), [](const Item& item) { return item.failure != 0; });
  return static_cast<std::size_t>(failed - items_.begin());
}

}  // namespace bulkhead::pool
