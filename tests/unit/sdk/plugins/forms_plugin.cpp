// Every form of entry, and every way a task can behave.
#include <bulkhead/plugin.hpp>

#include <pthread.h>

#include <stdexcept>
#include <system_error>

#include "../shared_types.hpp"

namespace deep::er {
int add(int a, int b) noexcept { return a + b; }
}  // namespace deep::er
static double local(double x) { return x; }
template <class T>
T twice(T x) {
  return static_cast<T>(x + x);
}
template <class A, class B>
B convert(A a) {
  return static_cast<B>(a);
}
int scan(int x) { return x; }
int scan(const std::string& text) { return static_cast<int>(text.size()); }
inline constexpr auto square = [](long x) { return x * x; };
std::size_t count(std::string_view text, std::span<const double> numbers, const char separator) {
  return text.size() + numbers.size() + (separator == ',' ? 100 : 0);
}
const std::string& ref(const std::string& text) { return text; }
std::string_view head(std::string_view text) { return text.substr(0, 1); }
std::span<const int> tail(std::span<const int> numbers) { return numbers.subspan(1); }
int with_optional(int a, std::optional<int> b, std::optional<int> c) { return a + b.value_or(10) + c.value_or(100); }
int attempt(bulkhead::TaskContext& task) { return static_cast<int>(task.attempt()); }
void nothing() {}
using Nested = std::vector<std::map<std::string, std::variant<std::monostate, double, std::vector<zoo::Point>>>>;
Nested nested(Nested&& value) { return std::move(value); }
// Cannot be copied: taken by reference, returned by value.
zoo::Chain chain(const zoo::Chain& in) {
  zoo::Chain out;
  out.value = in.value + (in.next ? in.next->value : 0);
  return out;
}
zoo::Endless endless() { return {}; }
std::string repeat(const std::string& text, std::uint32_t times) {
  std::string out;
  for (std::uint32_t i = 0; i < times; ++i) out += text;
  return out;
}
zoo::Colour next_colour(zoo::Colour) { return zoo::Colour::kGreen; }

void fail_domain() { throw std::domain_error("below zero"); }
void fail_system() { throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory), "open"); }
void fail_nested() {
  try {
    try {
      throw std::out_of_range("inner");
    } catch (...) {
      std::throw_with_nested(std::logic_error("middle"));
    }
  } catch (...) {
    std::throw_with_nested(std::runtime_error("outer"));
  }
}
void fail_number() { throw 7; }
void leave_thread() { pthread_exit(nullptr); }
int fail_odd(int x) {
  if (x % 2 != 0) throw std::invalid_argument("odd");
  return x;
}

void report(bulkhead::TaskContext& task) {
  task.progress(1, 3, "one");
  task.log().info("task {} says {}", task.task_id(), true);
}
// True if check() got past a handler for std::exception, or had no reason to throw.
bool swallow_and_check(bulkhead::TaskContext& task) {
  try {
    task.check();
  } catch (const std::exception&) {
    return false;
  }
  return true;
}
std::string stop_reason(bulkhead::TaskContext& task) {
  return task.cancelled() ? "cancelled" : task.soft_limit_passed() ? "soft limit" : "none";
}
std::int64_t deadline(bulkhead::TaskContext& task) { return task.deadline().time_since_epoch().count(); }

// A state with configuration; counts how many are alive.
int states_alive = 0;
struct Counter {
  explicit Counter(bulkhead::PluginContext& plugin) : step(plugin.config("step", 1)) {
    if (step == 0) throw std::invalid_argument("step is 0");
    ++states_alive;
    plugin.log().debug("made with step {}", step);
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() { --states_alive; }
  int operator()(bulkhead::TaskContext&) { return value += step; }
  int step;
  int value = 0;
};
int alive() { return states_alive; }
template <class T, int N>
struct Times {
  T operator()(T x) const { return x * N; }
};
struct NeedsModel {
  explicit NeedsModel(bulkhead::PluginContext& plugin) : model(plugin.config<std::string>("model")) {}
  std::string operator()() const { return model; }
  std::string model;
};

int loads = 0;
void warm_up() { ++loads; }
void warm_up_more(bulkhead::PluginContext& plugin) {
  if (plugin.config("refuse", false)) throw std::runtime_error("refused by configuration");
  ++loads;
}
int load_count() { return loads; }

BULKHEAD_PLUGIN("forms", "2.3.0", deep::er::add, ::local, square, count, ref, head, tail, with_optional, attempt,
                nothing, nested, chain, endless, repeat, next_colour, fail_domain, fail_system, fail_nested,
                fail_number, leave_thread, fail_odd, report, swallow_and_check, stop_reason, deadline, alive,
                load_count,
                bulkhead::task<Counter>("counter").doc("counts, by \"step\"\tand so on\n").timeout(5s).idempotent(),
                bulkhead::task<Times<int, 3>>("times"), bulkhead::task<NeedsModel>("needs_model"),
                bulkhead::task("twice_i", &twice<int>), bulkhead::task("convert_ld", convert<long, double>),
                bulkhead::task<int(int)>("scan_i", &scan), bulkhead::task<int(const std::string&)>("scan_s", scan),
                bulkhead::task("less", [](int a, int b) { return a < b; })
                    .params("left", "right")
                    .example(1, 2, true)
                    .doc("in order")
                    .example(-2, -2, false),
                bulkhead::task("example_numbers", [](double, float, std::uint64_t, signed char) { return 0.1; })
                    .example(0.5, 1, 18'446'744'073'709'551'615u, -128, 1e21),
                bulkhead::task("example_texts", [](std::string_view, char, std::optional<std::string>) {})
                    .example("a\"\\\tü", 'x', std::nullopt)
                    .example("", '"', "b"),
                bulkhead::task("example_containers",
                               [](std::span<const int>, const std::pair<bool, std::string>&) {
                                 return std::map<std::string, int>{};
                               })
                    .example(std::array{1, 2}, std::pair(true, "x"), bulkhead::json("{\n\"a\": 1}")),
                bulkhead::task("named", &with_optional)
                    .params("a", "b", "c")
                    .soft_timeout(std::chrono::milliseconds(1'500))
                    .retries(2),
                bulkhead::on_load(&warm_up), bulkhead::on_load(&warm_up_more));
