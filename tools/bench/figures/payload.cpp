// Large arguments: there and back.
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "clocks.hpp"
#include "contest.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"
#include "peers/python.hpp"

namespace bulkhead::bench {

namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kMebibyte = std::size_t{1} << 20;
constexpr std::size_t kLarge = 16 * kMebibyte;

// `action` again and again for the length of a round, in milliseconds each.
template <class Action>
Slice time_again(const Action& action, std::chrono::milliseconds length, const std::vector<pid_t>& processes) {
  const CpuClock cpu(processes);
  Slice slice;
  const double cpu_before = cpu.read_us();
  const auto end = Clock::now() + length;
  do {
    const auto begin = Clock::now();
    action();
    slice.samples.add(microseconds(Clock::now() - begin) / 1000);
  } while (Clock::now() < end);
  slice.cpu_us = (cpu.read_us() - cpu_before) / static_cast<double>(slice.samples.size());
  slice.value = slice.samples.median();
  slice.mean = slice.samples.mean();
  return slice;
}

// What nobody can beat who copies into shared memory and out of it: that, warm on all sides.
class TwoWayCopy {
 public:
  explicit TwoWayCopy(std::size_t size) : from_(size, std::byte{1}), to_(size) {
    shared_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (shared_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "no shared memory");
  }
  TwoWayCopy(const TwoWayCopy&) = delete;
  TwoWayCopy& operator=(const TwoWayCopy&) = delete;
  ~TwoWayCopy() { ::munmap(shared_, from_.size()); }

  void run() {
    std::memcpy(shared_, from_.data(), from_.size());
    std::memcpy(to_.data(), shared_, to_.size());
    // The compiler must not see that nobody reads it.
    asm volatile("" : : "r"(to_.data()) : "memory");
  }

 private:
  Bytes from_;
  Bytes to_;
  void* shared_;
};

void echo(Pool& pool, const Bytes& data) {
  const auto back = pool.apply<Bytes>("bench.echo", data);
  if (back.size() != data.size() || back.front() != data.front() || back.back() != data.back()) {
    throw std::runtime_error("an echo that is not what was sent");
  }
}

// A shared array of 1 GiB, until a task that got it has answered: first to a worker that never had it, then again. Making
// the array takes about half a second, which is not counted.
struct HandOvers {
  Slice first;
  Slice again;
};
HandOvers hand_over(BulkheadPool& ours, const Settings& settings) {
  const SharedArray<std::byte> data(std::size_t{1} << 30);
  const auto once = [&] {
    if (ours.pool().apply<std::uint64_t>("bench.size_of", data) != data.size())
      throw std::runtime_error("a wrong size");
  };
  for (int i = 0; i < 1000; ++i) (void)ours.call(i);  // awake on both sides
  const auto begin = Clock::now();
  once();
  HandOvers slices;
  slices.first.samples.add(microseconds(Clock::now() - begin));
  slices.first.value = slices.first.mean = slices.first.samples.median();
  slices.again = time_again(once, settings.slice, ours.processes());
  for (double* milliseconds : {&slices.again.value, &slices.again.mean}) *milliseconds *= 1000;
  slices.again.samples = Samples(0);
  return slices;
}

void measure_hand_overs(BulkheadPool& ours, const Settings& settings, Findings& findings) {
  Standing first{"bulkhead", {}, Samples(0)};
  Standing again{"bulkhead", {}, Samples(0)};
  for (int round = 0; round < settings.rounds; ++round) {
    auto slices = hand_over(ours, settings);
    first.slices.push_back(std::move(slices.first));
    again.slices.push_back(std::move(slices.again));
  }
  for (const auto& [name, standing] :
       {std::pair("payload.shared", &again), std::pair("payload.shared_first", &first)}) {
    Figure& figure = findings.at(name);
    put_standings(figure, {*standing}, Better::kLower);
    figure.parameters = {{"workers", "1"}, {"array", "1 GiB"}};
  }
}

// Bytes per second there and back, by the size of the payload.
Curve measure_sizes(BulkheadPool& ours, const Settings& settings) {
  Curve curve{"bulkhead", {}};
  for (std::size_t size = 8; size <= 4 * kLarge; size *= 8) {
    const Bytes data(size, std::byte{3});
    echo(ours.pool(), data);
    const auto slice = time_again([&] { echo(ours.pool(), data); }, settings.slice, {});
    curve.points.emplace_back(static_cast<double>(size), 2 * static_cast<double>(size) / slice.value / 1e6);
  }
  return curve;
}

Curve measure_copies(const Settings& settings) {
  Curve curve{"limit: memcpy in and out", {}};
  for (std::size_t size = 8; size <= 4 * kLarge; size *= 8) {
    TwoWayCopy copy(size);
    copy.run();
    // One copy of few bytes is too short for a clock.
    const int times = static_cast<int>(std::max<std::size_t>(1, kMebibyte / size));
    const auto repeat = [&] {
      for (int i = 0; i < times; ++i) copy.run();
    };
    const auto slice = time_again(repeat, settings.slice, {});
    curve.points.emplace_back(static_cast<double>(size), 2 * static_cast<double>(size) * times / slice.value / 1e6);
  }
  return curve;
}

void run_payload(const Settings& settings, Findings& findings) {
  const auto python = PythonPools::start();
  BulkheadPool ours(1);
  const Bytes data(kLarge, std::byte{3});
  echo(ours.pool(), data);
  TwoWayCopy copy(kLarge);
  copy.run();
  std::vector<Side> sides{
      {"bulkhead, 1 worker",
       [&] { return time_again([&] { echo(ours.pool(), data); }, settings.slice, ours.processes()); }},
      {"limit: memcpy in and out", [&] { return time_again([&] { copy.run(); }, settings.slice, {}); }}};
  const auto command = std::to_string(kLarge) + " " + std::to_string(seconds(settings.slice));
  add_python_sides(
      sides, python.get(), [&](const std::string& pool) { return "echo " + pool + " " + command; }, 1e3);
  const auto standings = hold_contest(sides, settings.rounds);
  Figure& figure = findings.at("payload.16_MiB");
  put_standings(figure, standings, Better::kLower);
  figure.distributions.clear();
  figure.parameters = {{"workers", "1"}, {"payload", "16 MiB each way"}};
  // How many times better we are than the limit is the share of it that we reach.
  findings.at("payload.share_of_copy").value = 100 * figure.rivals.at(0).ratio;
  Figure& ratio = findings.at("payload.vs_multiprocessing");
  if (python) {
    ratio.value = figure.rivals.at(1).ratio;
  } else {
    ratio.missing = "there is no python3";
  }
  Figure& sizes = findings.at("payload.sizes");
  sizes.x_axis = "bytes of the argument";
  sizes.y_axis = "GB/s";
  sizes.curves = {measure_sizes(ours, settings), measure_copies(settings)};
  sizes.value = sizes.curves[0].points.back().second;
  sizes.parameters = {{"workers", "1"}};
  measure_hand_overs(ours, settings, findings);
}

}  // namespace

Experiment payload() {
  return {{{"payload.16_MiB", "ms", "16 MiB there and back: median"},
           {"payload.share_of_copy", "%", "the same: share of the speed of copying into shared memory and out",
            at_least(50)},
           {"payload.vs_multiprocessing", "x", "the same, beside multiprocessing", at_least(10)},
           {"payload.sizes", "GB/s",
            "there and back together, by the size of the payload; the value is that of the largest"},
           {"payload.shared", "us", "a shared array of 1 GiB given to a task, until that has answered: median",
            at_most(50)},
           {"payload.shared_first", "us", "the same for a worker that never had the array", at_most(50)}},
          run_payload};
}

}  // namespace bulkhead::bench
