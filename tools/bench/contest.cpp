#include "contest.hpp"

#include <utility>

namespace bulkhead::bench {

namespace {

double median_over(const std::vector<Slice>& slices, double Slice::*member) {
  std::vector<double> values;
  for (const auto& slice : slices) values.push_back(slice.*member);
  return median_of(std::move(values));
}

}  // namespace

double Standing::value() const { return median_over(slices, &Slice::value); }
double Standing::cpu_us() const { return median_over(slices, &Slice::cpu_us); }

double ratio_of(const Standing& ours, const Standing& theirs, Better better, double Slice::*compared) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.slices.size() && i < theirs.slices.size(); ++i) {
    const double a = ours.slices[i].*compared;
    const double b = theirs.slices[i].*compared;
    ratios.push_back(better == Better::kLower ? b / a : a / b);
  }
  return median_of(std::move(ratios));
}

std::vector<Standing> hold_contest(const std::vector<Side>& sides, int rounds) {
  std::vector<Standing> standings;
  for (const auto& side : sides) standings.push_back({side.name, {}, Samples(0)});
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < sides.size(); ++i) {
      Slice slice = sides[i].measure();
      standings[i].samples.add(slice.samples);
      slice.samples = Samples(0);
      standings[i].slices.push_back(std::move(slice));
    }
  }
  return standings;
}

void put_standings(Figure& figure, const std::vector<Standing>& standings, Better better) {
  const auto& ours = standings.at(0);
  figure.value = ours.value();
  figure.cpu_us = ours.cpu_us();
  if (ours.has_latencies()) {
    figure.mean = ours.samples.mean();
    figure.p99 = ours.samples.quantile(0.99);
  }
  for (std::size_t i = 1; i < standings.size(); ++i) {
    const auto& theirs = standings[i];
    Rival rival{theirs.name, theirs.value(), ratio_of(ours, theirs, better), {}, {}, theirs.cpu_us()};
    if (theirs.has_latencies()) {
      rival.mean = theirs.samples.mean();
      rival.p99 = theirs.samples.quantile(0.99);
    }
    figure.rivals.push_back(std::move(rival));
  }
  for (const auto& standing : standings) {
    if (standing.has_latencies()) figure.distributions.push_back({standing.name, standing.samples.distribution()});
  }
}

}  // namespace bulkhead::bench
