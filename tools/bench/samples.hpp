// What many calls took, in microseconds, and what can be said about it.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace bulkhead::bench {

[[nodiscard]] double median_of(std::vector<double> values);

class Samples {
 public:
  // Room for so many, touched now: a page fault while measuring would be one of the slow calls.
  explicit Samples(std::size_t capacity = 0);

  void add(double us) { values_.push_back(static_cast<float>(us)); }
  void add(const Samples& more) { values_.insert(values_.end(), more.values_.begin(), more.values_.end()); }
  [[nodiscard]] bool is_full() const noexcept { return values_.size() == values_.capacity(); }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

  [[nodiscard]] double mean() const;
  // The value that `share` of the samples do not exceed.
  [[nodiscard]] double quantile(double share) const;
  [[nodiscard]] double median() const { return quantile(0.5); }
  [[nodiscard]] double share_at_most(double us) const;
  // (share, microseconds) from the least to the largest, dense at the slow end.
  [[nodiscard]] std::vector<std::pair<double, double>> distribution() const;

 private:
  std::vector<float> values_;
};

}  // namespace bulkhead::bench
