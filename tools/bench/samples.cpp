#include "samples.hpp"

#include <algorithm>
#include <numeric>

namespace bulkhead::bench {

namespace {

constexpr double kShares[] = {0,   0.01, 0.05, 0.1,  0.2,   0.3,   0.4,   0.5,    0.6,    0.7,    0.8,
                              0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1};

float nth(std::vector<float>& values, double share) {
  const auto index = std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Samples::Samples(std::size_t capacity) {
  values_.resize(capacity);
  values_.clear();
}

double Samples::mean() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

double Samples::quantile(double share) const {
  if (values_.empty()) return 0;
  auto values = values_;
  return nth(values, share);
}

double Samples::share_at_most(double us) const {
  if (values_.empty()) return 0;
  const auto count = std::ranges::count_if(values_, [us](float value) { return value <= us; });
  return static_cast<double>(count) / static_cast<double>(values_.size());
}

std::vector<std::pair<double, double>> Samples::distribution() const {
  std::vector<std::pair<double, double>> points;
  if (values_.empty()) return points;
  auto values = values_;
  std::ranges::sort(values);
  for (const double share : kShares) {
    // So few samples say nothing of calls that are rarer.
    if (share < 1 && (1 - share) * static_cast<double>(values.size()) < 0.99) continue;
    const auto index =
        std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())));
    points.emplace_back(share, values[index]);
  }
  return points;
}

}  // namespace bulkhead::bench
