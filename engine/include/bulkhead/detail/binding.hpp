// Compares a caller's types with a task's signature, once for each call site, and encodes what is then known to fit.
#pragma once

#include <bulkhead/detail/backend.hpp>
#include <bulkhead/detail/conversion.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace bulkhead::detail {

// Raise SignatureMismatch, naming both signatures. `argument` from 1; 0: their number, or the result.
[[noreturn]] void raise_mismatch(const TaskInfo& task, std::string_view called, int argument, std::string_view why);
// ArgumentError: the value of argument `argument`, from 1.
[[noreturn]] void raise_argument(const TaskInfo& task, int argument, const std::string& why);
// ArgumentError: a shared array among the arguments of an initializer.
[[noreturn]] void raise_shared_initarg(const TaskInfo& task);
// PayloadError: a result that is not what the signature says.
[[noreturn]] void raise_undecodable(const TaskInfo& task, const char* why);
// PayloadError: arguments that have no form (a duration out of range, endless nesting).
[[noreturn]] void raise_unencodable(const TaskInfo& task, const char* why);

// The caller's types as signature text, "?" where a type has no name in signatures.
template <class R, class... A>
[[nodiscard]] std::string called_signature() {
  return std::string(sdk::signature<R, canonical_t<A>...>().view());
}

// How one call site's types meet one task's.
struct Binding {
  const TaskInfo* task = nullptr;
  bool is_exact = false;  // every argument is encoded as it is
};

template <class R, class... A>
[[nodiscard]] std::uint64_t shape_of() {
  // Unknown is no type of the user's; can_send() refuses it.
  if constexpr ((false || ... || !encodes_as_is<canonical_t<A>>())) return 0;
  return sdk::shape_hash<R, canonical_t<A>...>();
}

// Types of the user's have the same name on both sides; a hash over what serialize() visits tells whether they have the
// same members too. A caller who discards the result does not look at its half.
template <class R, class... A>
void check_shape(const TaskInfo& task) {
  constexpr std::uint64_t kArguments = ~std::uint64_t{0} << 32;
  const std::uint64_t relevant = std::is_void_v<R> ? kArguments : ~std::uint64_t{0};
  if ((task.shape & relevant) == (shape_of<R, A...>() & relevant)) return;
  raise_mismatch(task, called_signature<R, A...>(), 0,
                 "a user's type of the same name has other members in the plugin (compare their serialize functions)");
}

// Throws SignatureMismatch when the types can never fit.
template <class R, class... A>
[[nodiscard]] Binding bind(const TaskInfo& task) {
  const SignatureDesc& signature = task.signature;
  const auto refuse = [&](int argument, std::string_view why) {
    raise_mismatch(task, called_signature<R, A...>(), argument, why);
  };
  if (sizeof...(A) > signature.parameters.size() || sizeof...(A) < signature.required_arguments()) {
    refuse(0, sizeof...(A) > signature.parameters.size() ? "too many arguments" : "too few arguments");
  }
  bool is_exact = sizeof...(A) == signature.parameters.size();
  std::size_t i = 0;
  [[maybe_unused]] const auto check = [&]<class T>(std::type_identity<T>) {
    const TypeDesc& declared = signature.parameters[i++];
    if (is_exactly<T>(declared)) return;
    is_exact = false;
    if (!can_send<T>(declared)) {
      refuse(static_cast<int>(i),
             std::string(sdk::type_text<canonical_t<T>>().view()) + " does not convert to " + declared.text);
    }
  };
  (check(std::type_identity<A>{}), ...);
  if constexpr (!std::is_void_v<R>) {  // apply<void> discards any result
    if (!can_receive<R>(signature.result)) {
      refuse(0, "the result does not widen to " + std::string(sdk::type_text<R>().view()));
    }
  }
  check_shape<R, A...>(task);
  return {&task, is_exact};
}

// Finds the task and binds it; remembers the last answer of this call site's types in this thread, so that a loop
// costs one comparison of names.
template <class R, class... A>
[[nodiscard]] Binding find_and_bind(Backend& backend, std::string_view name) {
  struct Last {
    std::uint64_t backend = 0;
    Binding binding;
  };
  thread_local Last last;
  if (last.backend == backend.serial() && last.binding.task->name == name) return last.binding;
  const Binding binding = bind<R, A...>(backend.find_task(name));
  last = {backend.serial(), binding};
  return binding;
}

// Appends one item: the arguments of one call. Throws ArgumentError or PayloadError; nothing has run.
template <class... A>
void encode_arguments(sdk::ByteSink& sink, const Binding& binding, const A&... arguments) {
  const auto& parameters = binding.task->signature.parameters;
  std::size_t i = 0;
  try {
    if constexpr ((true && ... && (Text<A> || encodes_as_is<A>()))) {
      if (binding.is_exact) return sdk::write(sink, arguments...);
    }
    (send(sink, parameters[i++], arguments), ...);
    for (; i < parameters.size(); ++i) {  // trailing optionals that were left out
      const std::uint8_t absent = 0;
      sink.put(&absent, 1);
    }
  } catch (const DoesNotFit& misfit) {
    raise_argument(*binding.task, static_cast<int>(i), misfit.what());
  } catch (const sdk::EncodeError& error) {
    raise_unencodable(*binding.task, error.what());
  }
}

// One item, waiting for its verdict first; throws its error.
template <class R>
[[nodiscard]] R decode_item(const Completion& completion, std::size_t index) {
  if (auto error = item_error(completion, index)) std::rethrow_exception(std::move(error));
  if constexpr (!std::is_void_v<R>) {
    const TaskInfo& task = task_of(completion);
    try {
      return receive<R>(item_bytes(completion, index), task.signature.result, &item_arrays(completion, index));
    } catch (const std::exception& error) {  // the archive's, or a user's own `load`
      raise_undecodable(task, error.what());
    }
  }
}

// Appends the items from results.size() on that lie side by side as an R does. False: there are none.
template <class R>
[[nodiscard]] bool append_run(std::vector<R>& results, const Completion& completion) {
  if constexpr (sdk::is_plain_number<R>) {
    if (sdk::type_text<R>().view() != task_of(completion).signature.result.text) return false;
    const auto bytes = item_run(completion, results.size());
    if (bytes.empty()) return false;
    const std::size_t before = results.size();
    results.resize(before + bytes.size() / sizeof(R));
    std::memcpy(results.data() + before, bytes.data(), (results.size() - before) * sizeof(R));
    return true;
  }
  return false;
}

}  // namespace bulkhead::detail
