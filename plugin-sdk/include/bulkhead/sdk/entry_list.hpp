// The arguments of BULKHEAD_PLUGIN as one constexpr value, and what can be known of each before the
// plugin runs.
//
// Compile time only. Nothing recurses or folds over the entries: hundreds must compile.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/spelling.hpp>
#include <bulkhead/sdk/task.hpp>

namespace bulkhead::sdk {

template <std::size_t I, class T>
struct EntryAt {
  T entry;
};

template <class Indexes, class... T>
struct EntryStore;
template <std::size_t... I, class... T>
struct EntryStore<std::index_sequence<I...>, T...> : EntryAt<I, T>... {
  static constexpr std::size_t kSize = sizeof...(T);
  std::string_view spelled;

  constexpr EntryStore(std::string_view text, T... entries) : EntryAt<I, T>{entries}..., spelled(text) {}
};

template <std::size_t I, class T>
constexpr const T& get_entry(const EntryAt<I, T>& at) {
  return at.entry;
}

// Called by the macro with its arguments and their spelling. Its long name is what the compiler's
// message begins with when an argument is an overloaded function or a template without arguments,
// which have no type to deduce.
template <class... T>
constexpr auto entries__for_an_overloaded_or_template_function_write_bulkhead_task(const char* spelled, T... items) {
  return EntryStore<std::index_sequence_for<T...>, decltype(entry_of(items))...>(spelled, entry_of(items)...);
}

// One entry as far as it is known at compile time. (A flag, not a null pointer: with
// -fsanitize=undefined g++ takes no comparison of an address with null for a constant.)
struct TaskFacts {
  std::string_view name;
  std::string_view signature;
  std::string_view parameters;
  TaskOptions options;
  bool is_task = false;       // else an on_load
  std::string_view examples;  // lines of the note
};

// The types of entry I of the list `Entries`.
template <const auto& Entries, std::size_t I>
struct EntryTypes {
  using Item = std::remove_cvref_t<decltype(get_entry<I>(Entries))>;
  static constexpr bool kIsTask = is_task<Item>;
};

template <class R, class P>
struct SignatureOf;
template <class R, class... P>
struct SignatureOf<R, TypeList<P...>> {
  static constexpr auto text() {
    static_assert((true && ... && check_type<std::remove_cvref_t<P>>()));
    static_assert(check_type<std::remove_cvref_t<R>>());
    return signature<std::remove_cvref_t<R>, std::remove_cvref_t<P>...>();
  }
  static std::uint64_t shape() { return shape_hash<std::remove_cvref_t<R>, std::remove_cvref_t<P>...>(); }
};

template <const auto& Entries>
struct EntryNames {
  static constexpr std::size_t kSize = std::remove_cvref_t<decltype(Entries)>::kSize;
  static constexpr Spellings<kSize> kSpelled = cut<kSize>(Entries.spelled);
};

// Everything constant about task I.
template <const auto& Entries, std::size_t I>
struct TaskConstants {
  using Item = typename EntryTypes<Entries, I>::Item;
  using Proto = prototype_t<typename Item::Callable>;
  using Signature = SignatureOf<typename Proto::Result, typename Proto::Parameters>;
  static constexpr TaskOptions kOptions = get_entry<I>(Entries).options;
  static constexpr std::string_view kNameView =
      kOptions.has_name ? std::string_view(kOptions.name) : last_part(EntryNames<Entries>::kSpelled.items[I]);
  static constexpr auto kName = Text<kNameView.size()>(kNameView);
  static constexpr auto kSignature = Signature::text();

  static constexpr std::size_t joined_size() {
    std::size_t size = 0;
    for (std::size_t i = 0; i < kOptions.parameter_count; ++i) {
      size += std::string_view(kOptions.parameters[i]).size() + (i == 0 ? 0 : 1);
    }
    return size;
  }
  static constexpr auto joined() {
    Text<joined_size()> out;
    std::size_t at = 0;
    for (std::size_t i = 0; i < kOptions.parameter_count; ++i) {
      if (i != 0) out.chars[at++] = ',';
      for (const char c : std::string_view(kOptions.parameters[i])) out.chars[at++] = c;
    }
    return out;
  }
  static constexpr auto kParameters = joined();
  static constexpr std::array<std::string_view, kMaxNamedParameters> parameter_views() {
    std::array<std::string_view, kMaxNamedParameters> views = {};
    for (std::size_t i = 0; i < kOptions.parameter_count; ++i) views[i] = kOptions.parameters[i];
    return views;
  }
  static constexpr auto kParameterViews = parameter_views();

  static constexpr std::size_t write_examples(char* out, bool only_counts) {
    NoteText text(out, only_counts);
    std::apply([&](const auto&... example) { (ExampleOf<Proto>::write(text, example), ...); },
               get_entry<I>(Entries).examples);
    return text.size();
  }
  static constexpr auto examples() {
    // Most tasks have none, and hundreds of tasks must compile.
    if constexpr (std::tuple_size_v<decltype(Item::examples)> == 0) {
      return Text<0>{};
    } else {
      Text<write_examples(nullptr, true)> out;
      write_examples(out.chars, false);
      return out;
    }
  }
  static constexpr auto kExamples = examples();
};

template <const auto& Entries, std::size_t I>
constexpr TaskFacts facts_of_entry() {
  if constexpr (EntryTypes<Entries, I>::kIsTask) {
    using Constants = TaskConstants<Entries, I>;
    return {Constants::kName.view(),
            Constants::kSignature.view(),
            Constants::kParameters.view(),
            Constants::kOptions,
            true,
            Constants::kExamples.view()};
  } else {
    return {};
  }
}

// All entries of the plugin, and the checks that need to see them together.
template <const auto& Entries>
struct PluginFacts {
  static constexpr std::size_t kSize = EntryNames<Entries>::kSize;

  template <std::size_t... I>
  static constexpr std::array<TaskFacts, kSize + 1> all(std::index_sequence<I...>) {
    return {facts_of_entry<Entries, I>()...};
  }
  static constexpr bool can_be_cut() { return EntryNames<Entries>::kSpelled.found == kSize; }

  static constexpr std::array<TaskFacts, kSize + 1> kAll = all(std::make_index_sequence<kSize>{});

  static constexpr std::size_t task_count() {
    std::size_t count = 0;
    for (const TaskFacts& facts : kAll) count += facts.is_task ? 1 : 0;
    return count;
  }
  static constexpr bool has(Mistake mistake) {
    for (const TaskFacts& facts : kAll) {
      if (facts.is_task && facts.options.mistake == mistake) return true;
    }
    return false;
  }
  static constexpr bool names_are_names() {
    for (const TaskFacts& facts : kAll) {
      if (facts.is_task && !is_name(facts.name)) return false;
    }
    return true;
  }
  static constexpr bool names_are_unique() {
    std::array<std::string_view, kSize + 1> names = {};
    std::size_t count = 0;
    for (const TaskFacts& facts : kAll) {
      if (facts.is_task) names[count++] = facts.name;
    }
    std::sort(names.begin(), names.begin() + count);
    return std::adjacent_find(names.begin(), names.begin() + count) == names.begin() + count;
  }
};

// True, or a compile error that says what to change.
template <const auto& Entries, class Plugin>
constexpr bool check_plugin() {
  using Facts = PluginFacts<Entries>;
  static_assert(is_name(Plugin::name()),
                "bulkhead: the plugin's name needs letters, digits and _, not a digit first, at most 64");
  static_assert(!Plugin::version().empty(), "bulkhead: the plugin's version must not be empty");
  static_assert(Facts::can_be_cut(),
                "bulkhead: cannot tell the names of these tasks apart; name each with "
                "bulkhead::task(\"name\", &function)");
  static_assert(Facts::task_count() > 0,
                "bulkhead: BULKHEAD_PLUGIN needs at least one task: BULKHEAD_PLUGIN(\"name\", "
                "\"1.0.0\", function)");
  static_assert(Facts::names_are_names(),
                "bulkhead: a task needs a name of letters, digits and _: write "
                "bulkhead::task(\"name\", &function) "
                "for templates, lambdas and operators");
  static_assert(Facts::names_are_unique(),
                "bulkhead: two tasks of this plugin have the same name; write "
                "bulkhead::task(\"other_name\", &function) for one of them");
  static_assert(!Facts::has(Mistake::kTimeout), "bulkhead: a timeout must be positive: .timeout(5s)");
  static_assert(!Facts::has(Mistake::kRetries), "bulkhead: .retries() must not be negative: .retries(2)");
  static_assert(!Facts::has(Mistake::kParameterName),
                "bulkhead: a name in .params() needs letters, digits and _, not a digit first, at most 64");
  static_assert(!Facts::has(Mistake::kExample),
                "bulkhead: a value in .example() does not fit the type of its parameter, or of the result");
  return true;
}

}  // namespace bulkhead::sdk
