// The entries of BULKHEAD_PLUGIN: task("name", f), task<R(A...)>("name", &f), task<State>("name"),
// on_load(&f).
//
// Values at compile time. A builder method returns a changed copy.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>

#include <bulkhead/sdk/callable.hpp>
#include <bulkhead/sdk/example.hpp>

namespace bulkhead::sdk {

// Letters, digits and _, not beginning with a digit, at most 64.
constexpr bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !(is_digit && i > 0)) return false;
  }
  return true;
}

// What is wrong with the values given to a builder. Remembered, because only a static_assert makes the compiler's first
// words ours.
enum class Mistake : std::uint8_t { kNone, kTimeout, kRetries, kParameterName, kExample };

inline constexpr std::size_t kMaxNamedParameters = 16;

// Facts about a task that its function does not tell.
struct TaskOptions {
  const char* name = "";
  bool has_name = false;  // else the name is cut from the macro's spelling
  const char* doc = "";
  std::int64_t timeout_ns = 0;
  std::int64_t soft_timeout_ns = 0;
  std::int32_t retries = -1;
  std::uint32_t flags = 0;
  std::array<const char*, kMaxNamedParameters> parameters = {};
  std::size_t parameter_count = 0;
  Mistake mistake = Mistake::kNone;
};

// A callable and its options. State: the class whose object is called, or void. Examples: a tuple of values each.
template <class F, class State, class... Examples>
struct Task {
  using Callable = std::conditional_t<std::is_void_v<State>, F, State>;

  F function;
  TaskOptions options;
  std::tuple<Examples...> examples = {};

  // What `bulkhead tasks` says about it, on one line.
  [[nodiscard]] constexpr Task doc(const char* text) const {
    return with([&](TaskOptions& o) { o.doc = text; });
  }
  // Default hard limit of one run: the process is killed when it passes.
  [[nodiscard]] constexpr Task timeout(std::chrono::nanoseconds limit) const {
    return with([&](TaskOptions& o) {
      o.timeout_ns = limit.count();
      if (limit.count() <= 0) o.mistake = Mistake::kTimeout;
    });
  }
  // Default soft limit: TaskContext::check() throws once it has passed.
  [[nodiscard]] constexpr Task soft_timeout(std::chrono::nanoseconds limit) const {
    return with([&](TaskOptions& o) {
      o.soft_timeout_ns = limit.count();
      if (limit.count() <= 0) o.mistake = Mistake::kTimeout;
    });
  }
  // Default number of retries when the process running it is lost.
  [[nodiscard]] constexpr Task retries(std::int32_t count) const {
    return with([&](TaskOptions& o) {
      o.retries = count;
      if (count < 0) o.mistake = Mistake::kRetries;
    });
  }
  // Says that running it twice does no harm.
  [[nodiscard]] constexpr Task idempotent() const {
    return with([](TaskOptions& o) { o.flags |= BULKHEAD_TASK_IDEMPOTENT; });
  }
  // Names the parameters, for documentation and for JSON calls by name.
  template <class... Names>
  [[nodiscard]] constexpr Task params(Names... names) const {
    static_assert(sizeof...(Names) == prototype_t<Callable>::Parameters::kSize,
                  "bulkhead: .params() needs one name for each parameter (not counting TaskContext&)");
    static_assert(sizeof...(Names) <= kMaxNamedParameters, "bulkhead: .params() takes at most 16 names");
    return with([&](TaskOptions& o) {
      o.parameters = {names...};
      o.parameter_count = sizeof...(Names);
      for (std::size_t i = 0; i < sizeof...(Names); ++i) {
        if (!is_name(o.parameters[i])) o.mistake = Mistake::kParameterName;
      }
    });
  }

  // A call and what it returns: .example(2, 3, 5) says that the task makes 5 of 2 and 3. May come several times. The
  // values are told with the task's documentation, and `bulkhead plugin check` makes the call. What is no number, text,
  // bool, std::array or tuple is written as JSON: .example(2, bulkhead::json(R"({"x": 1})")).
  template <class... Values>
  [[nodiscard]] constexpr auto example(Values... values) const {
    using Example = ExampleOf<prototype_t<Callable>>;
    static_assert(Example::template check<Values...>());
    const std::tuple<Values...> example(values...);
    NoteText only_counted(nullptr, true);
    Example::write(only_counted, example);
    TaskOptions checked = options;
    if (!only_counted.all_fits()) checked.mistake = Mistake::kExample;
    return Task<F, State, Examples..., std::tuple<Values...>>{function, checked,
                                                              std::tuple_cat(examples, std::make_tuple(example))};
  }

 private:
  template <class Change>
  constexpr Task with(Change change) const {
    Task copy = *this;
    change(copy.options);
    return copy;
  }
};

struct NoFunction {};

template <class F>
struct OnLoad {
  F function;
};

template <class T>
inline constexpr bool is_task = false;
template <class F, class S, class... E>
inline constexpr bool is_task<Task<F, S, E...>> = true;
template <class T>
inline constexpr bool is_on_load = false;
template <class F>
inline constexpr bool is_on_load<OnLoad<F>> = true;

// Refuses callables that cannot be tasks, with what to write instead.
template <class F>
constexpr bool check_callable() {
  static_assert(!std::is_member_function_pointer_v<F>,
                "bulkhead: a member function needs an object; write "
                "bulkhead::task<Class>(\"name\") for a class "
                "with operator(), or a lambda that makes the object");
  if constexpr (std::is_class_v<F>) {
    static_assert(HasOneCallOperator<F>,
                  "bulkhead: a task has one signature, so its operator() must be neither a template (no auto "
                  "parameters) nor overloaded");
    static_assert(std::is_empty_v<F>,
                  "bulkhead: a lambda of a task must not capture; use globals, or a state: "
                  "bulkhead::task<State>(\"name\")");
  } else if constexpr (!std::is_member_function_pointer_v<F>) {
    static_assert(std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>,
                  "bulkhead: BULKHEAD_PLUGIN takes functions, bulkhead::task(...) and "
                  "bulkhead::on_load(...)");
  }
  return true;
}

// A lambda as a function pointer: hundreds of lambdas of one signature then share the code around
// the call.
template <class F>
constexpr auto plain_function(F function) {
  if constexpr (std::is_class_v<F> && requires { +function; }) {
    return +function;
  } else {
    return function;
  }
}

// One argument of the macro as a Task or OnLoad.
template <class T>
constexpr auto entry_of(T item) {
  if constexpr (is_task<T> || is_on_load<T>) {
    return item;
  } else {
    static_assert(check_callable<T>());
    return Task<decltype(plain_function(item)), void>{plain_function(item), {}};
  }
}

}  // namespace bulkhead::sdk

namespace bulkhead {

// A task that calls `function` (a function or a lambda without captures).
template <class F>
requires(!std::is_function_v<F>) constexpr auto task(const char* name, F function) {
  static_assert(sdk::check_callable<F>());
  return sdk::Task<decltype(sdk::plain_function(function)), void>{sdk::plain_function(function),
                                                                  {.name = name, .has_name = true}};
}
// A task that calls one of several overloads: task<int(int)>("scan_i", &scan).
template <class Signature>
requires std::is_function_v<Signature>
constexpr auto task(const char* name, std::type_identity_t<Signature>* function) {
  return sdk::Task<Signature*, void>{function, {.name = name, .has_name = true}};
}
// A task that calls the operator() of a State, of which there is one per worker. It is constructed
// before its first call, with a PluginContext& if it takes one.
template <class State>
requires std::is_class_v<State>
constexpr auto task(const char* name) {
  static_assert(sdk::HasOneCallOperator<State>,
                "bulkhead: the class of bulkhead::task<Class>(\"name\") needs exactly one "
                "operator(), which is "
                "neither a template nor overloaded");
  static_assert(std::is_constructible_v<State, PluginContext&> || std::is_default_constructible_v<State>,
                "bulkhead: the class of bulkhead::task<Class>(\"name\") needs a constructor without "
                "parameters or "
                "one that takes PluginContext&");
  return sdk::Task<sdk::NoFunction, State>{{}, {.name = name, .has_name = true}};
}
// A function that each worker runs once, after loading the plugin: void f() or void
// f(PluginContext&). A failure keeps the worker from starting.
template <class F>
constexpr auto on_load(F function) {
  static_assert(std::is_invocable_v<F> || std::is_invocable_v<F, PluginContext&>,
                "bulkhead: bulkhead::on_load takes void f() or void f(PluginContext&)");
  return sdk::OnLoad<F>{function};
}

}  // namespace bulkhead
