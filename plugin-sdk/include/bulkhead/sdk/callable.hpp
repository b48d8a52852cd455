// What a task is made of, deduced from any function, lambda or class with one operator().
//
// Compile time only. What cannot be a task is refused with what to write instead.
#pragma once

#include <type_traits>

#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/context.hpp>
#include <bulkhead/sdk/signature.hpp>

namespace bulkhead::sdk {

template <class... T>
struct TypeList {
  static constexpr std::size_t kSize = sizeof...(T);
};

// A result, the parameters without the context, and whether the context comes last.
template <class R, bool HasContext, class... P>
struct Prototype {
  using Result = R;
  using Parameters = TypeList<P...>;
  static constexpr bool kHasContext = HasContext;
};

// True, or a compile error. Used in a static_assert, so that it comes before what follows from the
// mistake.
template <class P>
constexpr bool check_parameter() {
  using Bare = std::remove_cvref_t<P>;
  static_assert(!std::is_same_v<Bare, TaskContext>,
                "bulkhead: take the context as TaskContext&, as the last parameter (not by value, "
                "not const)");
  static_assert(!(std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>),
                "bulkhead: a task cannot take T&, its arguments are copies; take const T& or T, and return "
                "what it changes");
  static_assert(!std::is_same_v<Bare, PluginContext>,
                "bulkhead: a task has no PluginContext; take it in the constructor of a state: "
                "bulkhead::task<State>(\"name\")");
  if constexpr (requires { typename Bare::element_type; } && is_sequence<Bare>) {
    static_assert(std::is_const_v<typename Bare::element_type>,
                  "bulkhead: a task cannot take std::span<T>, its arguments are copies; take "
                  "std::span<const T>");
  }
  return true;
}

// Refuses what cannot cross the boundary.
template <class T>
constexpr bool check_type() {
  if constexpr (!std::is_void_v<T>) {
    using Stored = stored_t<T>;
    static_assert(!std::is_pointer_v<std::decay_t<T>>,
                  "bulkhead: a pointer cannot cross a process boundary; take the value, std::optional<T>, "
                  "std::string_view or std::span<const T>");
    (void)type_text<Stored>();
    if constexpr (!Standard<Stored> && Named<Stored>) {
      static_assert(Saves<Stored, BinaryWriter> && Loads<Stored, BinaryReader>,
                    "bulkhead: this type is not serialisable; add  template <class A> void serialize(A& a) "
                    "{ a(members...); }  to it");
    }
    static_assert(std::is_default_constructible_v<Stored>,
                  "bulkhead: a type that crosses the boundary must be default constructible (it is "
                  "made first, "
                  "then filled)");
  }
  return true;
}

// Moves parameters from the second list to the first, up to a last TaskContext&.
template <class R, class... Done>
constexpr auto prototype_of(TypeList<Done...>, TypeList<>) {
  return Prototype<R, false, Done...>{};
}
template <class R, class... Done, class Next, class... Rest>
constexpr auto prototype_of(TypeList<Done...>, TypeList<Next, Rest...>) {
  if constexpr (std::is_same_v<Next, TaskContext&>) {
    static_assert(sizeof...(Rest) == 0, "bulkhead: TaskContext& must be the last parameter of a task");
    return Prototype<R, true, Done...>{};
  } else {
    static_assert(check_parameter<Next>());
    return prototype_of<R>(TypeList<Done..., Next>{}, TypeList<Rest...>{});
  }
}

template <class F>
struct FunctionTraits;
template <class R, class... A>
struct FunctionTraits<R(A...)> {
  using Type = decltype(prototype_of<R>(TypeList<>{}, TypeList<A...>{}));
};
template <class R, class... A>
struct FunctionTraits<R(A...) noexcept> : FunctionTraits<R(A...)> {};
template <class R, class... A>
struct FunctionTraits<R (*)(A...)> : FunctionTraits<R(A...)> {};
template <class R, class... A>
struct FunctionTraits<R (*)(A...) noexcept> : FunctionTraits<R(A...)> {};
template <class C, class R, class... A>
struct FunctionTraits<R (C::*)(A...)> : FunctionTraits<R(A...)> {};
template <class C, class R, class... A>
struct FunctionTraits<R (C::*)(A...) const> : FunctionTraits<R(A...)> {};
template <class C, class R, class... A>
struct FunctionTraits<R (C::*)(A...) noexcept> : FunctionTraits<R(A...)> {};
template <class C, class R, class... A>
struct FunctionTraits<R (C::*)(A...) const noexcept> : FunctionTraits<R(A...)> {};

// A class that can be called in exactly one way.
template <class F>
concept HasOneCallOperator = std::is_class_v<F> && requires {
  &F::operator();
};

template <class F>
constexpr auto prototype_of_callable() {
  if constexpr (HasOneCallOperator<F>) {
    return typename FunctionTraits<decltype(&F::operator())>::Type{};
  } else {
    return typename FunctionTraits<F>::Type{};
  }
}
// The Prototype of F.
template <class F>
using prototype_t = decltype(prototype_of_callable<F>());

// A stored argument as the parameter P takes it: moved into values and &&, seen by const& and
// views.
template <class P, class Stored>
decltype(auto) pass(Stored& stored) {
  using Bare = std::remove_cvref_t<P>;
  if constexpr (!std::is_same_v<Bare, Stored>) {
    return Bare(stored);  // a view of it
  } else if constexpr (std::is_lvalue_reference_v<P>) {
    return std::as_const(stored);
  } else {
    return std::move(stored);
  }
}

}  // namespace bulkhead::sdk
