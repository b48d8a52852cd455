// What is measured and what came of it: plain data that main, the writers and the figures share.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead::bench {

struct Target {
  enum class Kind : bool { kAtMost, kAtLeast };
  Kind kind = Kind::kAtMost;
  double bound = 0;

  [[nodiscard]] bool is_met_by(double value) const noexcept {
    return kind == Kind::kAtMost ? value <= bound : value >= bound;
  }
};
[[nodiscard]] constexpr Target at_most(double bound) noexcept { return {Target::Kind::kAtMost, bound}; }
[[nodiscard]] constexpr Target at_least(double bound) noexcept { return {Target::Kind::kAtLeast, bound}; }

struct FigureSpec {
  std::string name;  // group.figure
  std::string unit;  // "x" is a ratio: how many times better than another
  std::string what;
  std::optional<Target> target = {};
};

// Somebody else's value for the same thing, measured in turns with ours.
struct Rival {
  std::string name;
  double value = 0;
  double ratio = 0;                 // how many times better ours is: the median of the pairs
  std::optional<double> mean = {};  // where the value is the median of latencies
  std::optional<double> p99 = {};
  std::optional<double> cpu_us = {};  // per call, all processes
};

// (x, y); of a distribution x is the share of calls that took at most y.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

struct Figure {
  FigureSpec spec;
  std::optional<double> value = {};
  std::string missing = {};  // why there is no value
  std::vector<std::pair<std::string, std::string>> parameters = {};
  std::optional<double> mean = {};  // as in Rival
  std::optional<double> p99 = {};
  std::optional<double> cpu_us = {};
  std::vector<Rival> rivals = {};
  std::vector<Curve> distributions = {};
  std::string x_axis = {};
  std::string y_axis = {};
  std::vector<Curve> curves = {};
};

// How much to measure.
struct Settings {
  int rounds = 11;                       // alternations of us and a peer
  std::chrono::milliseconds slice{150};  // how long each is measured in a round
  bool is_quick = false;
  std::string tree = "/usr/include";  // of the main job
};

// What an experiment fills in.
class Findings {
 public:
  explicit Findings(const std::vector<FigureSpec>& specs);

  // Throws std::out_of_range for a figure that was not announced.
  [[nodiscard]] Figure& at(std::string_view name);
  // Something the reader should know: a peer that is missing.
  void notice(std::string text) { notices_.push_back(std::move(text)); }

  std::vector<Figure>& figures() noexcept { return figures_; }
  std::vector<std::string>& notices() noexcept { return notices_; }

 private:
  std::vector<Figure> figures_;
  std::vector<std::string> notices_;
};

// Figures that are measured together, in a process of their own.
struct Experiment {
  std::vector<FigureSpec> figures;
  void (*run)(const Settings& settings, Findings& findings) = nullptr;
};

}  // namespace bulkhead::bench
