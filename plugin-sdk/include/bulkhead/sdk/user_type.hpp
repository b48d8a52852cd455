// Runs the cereal functions of a user's type (serialize, save/load, save_minimal/load_minimal,
// member or free, with or without a version) on one of our archives.
//
// Only cereal's conventions are used, not its archives: what standard types look like is decided by
// ours, so it does not depend on which cereal either side was built with.
//
// An archive offers: operator(), is_saving/is_loading, and class_version<T>() (write or read the
// version's place).
#pragma once

#include <string>
#include <utility>

#include <cereal/cereal.hpp>

#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/standard_types.hpp>

namespace bulkhead::sdk {

// --- cereal's wrappers
// ----------------------------------------------------------------------------

template <class T>
inline constexpr bool is_named_value = false;
template <class T>
inline constexpr bool is_named_value<cereal::NameValuePair<T>> = true;
template <class T>
inline constexpr bool is_size_tag = false;
template <class T>
inline constexpr bool is_size_tag<cereal::SizeTag<T>> = true;
template <class T>
inline constexpr bool is_binary_data = false;
template <class T>
inline constexpr bool is_binary_data<cereal::BinaryData<T>> = true;
template <class T>
inline constexpr bool is_base_class = false;
template <class T>
inline constexpr bool is_base_class<cereal::base_class<T>> = true;
template <class T>
inline constexpr bool is_virtual_base = false;
template <class T>
inline constexpr bool is_virtual_base<cereal::virtual_base_class<T>> = true;
template <class T>
inline constexpr bool is_deferred = false;
template <class T>
inline constexpr bool is_deferred<cereal::DeferredData<T>> = true;

// --- which function cereal would choose
// -----------------------------------------------------------

template <template <class, class> class Has, template <class, class> class Specialized, class T, class Archive>
inline constexpr bool is_chosen = Has<T, Archive>::value && (Specialized<T, Archive>::value ||
                                                             !cereal::traits::is_specialized<T, Archive>::value);

// An empty class needs no functions.
template <class T, class Archive>
concept Saves = (cereal::traits::is_output_serializable<T, Archive>::value &&
                 !cereal::traits::has_invalid_output_versioning<T, Archive>::value) ||
                std::is_empty_v<T>;
template <class T, class Archive>
concept Loads = (cereal::traits::is_input_serializable<T, Archive>::value &&
                 !cereal::traits::has_invalid_input_versioning<T, Archive>::value) ||
                std::is_empty_v<T>;

// Refuses at compile time, with what to do instead, what no archive of ours can carry.
template <class T>
constexpr void refuse_pointers() {
  static_assert(!std::is_pointer_v<T>,
                "bulkhead: a raw pointer cannot be serialised; store the value, std::optional<T> or "
                "std::unique_ptr<T>");
  static_assert(!is_shared_pointer<T>,
                "bulkhead: shared_ptr and weak_ptr cannot be serialised (sharing does not survive "
                "a process boundary); store the value, std::optional<T> or std::unique_ptr<T>");
  static_assert(!is_virtual_base<T>,
                "bulkhead: virtual bases cannot be serialised; use cereal::base_class or store the "
                "base as a member");
  static_assert(!is_wide_char<T>, "bulkhead: wide characters have no portable form; use std::string with UTF-8");
  static_assert(!(std::is_arithmetic_v<T> && sizeof(T) > 8),
                "bulkhead: numbers have at most 64 bits; long double and __int128 have no portable form");
  if constexpr (is_unique_ptr<T>) {
    static_assert(!std::is_polymorphic_v<typename T::element_type>,
                  "bulkhead: a pointer to a polymorphic type cannot be serialised; use std::variant");
  }
}

// One level of nesting, for as long as it lives. Throws `Error` at the limit.
template <class Error>
class DepthGuard {
 public:
  explicit DepthGuard(unsigned& depth) : depth_(depth) {
    if (depth_ >= kMaxDepth) {
      throw Error("user types nest deeper than " + std::to_string(kMaxDepth) +
                  " levels (does a serialize() visit its own object?)");
    }
    ++depth_;
  }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  ~DepthGuard() { --depth_; }

 private:
  unsigned& depth_;
};

// Sets a variable for as long as it lives, even when a serialize() throws.
template <class T>
class ScopedValue {
 public:
  ScopedValue(T& slot, T value) : slot_(slot), before_(std::exchange(slot, value)) {}
  ScopedValue(const ScopedValue&) = delete;
  ScopedValue& operator=(const ScopedValue&) = delete;
  ~ScopedValue() { slot_ = before_; }

 private:
  T& slot_;
  T before_;
};

// Lets `archive` visit what the functions of `value`'s type save.
template <class Archive, class T>
void save_user_type(Archive& archive, const T& value) {
  namespace traits = cereal::traits;
  using cereal::access;
  static_assert(Saves<T, Archive>,
                "bulkhead: this type is not serialisable; add  template <class A> void serialize(A& a) "
                "{ a(members...); }  to it");
  auto& object = const_cast<T&>(value);  // NOLINT: cereal's one serialize() takes a non-const object
  if constexpr (is_chosen<traits::has_member_serialize, traits::is_specialized_member_serialize, T, Archive>) {
    access::member_serialize(archive, object);
  } else if constexpr (is_chosen<traits::has_non_member_serialize, traits::is_specialized_non_member_serialize, T,
                                 Archive>) {
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, object);
  } else if constexpr (is_chosen<traits::has_member_save, traits::is_specialized_member_save, T, Archive>) {
    access::member_save(archive, value);
  } else if constexpr (is_chosen<traits::has_non_member_save, traits::is_specialized_non_member_save, T, Archive>) {
    CEREAL_SAVE_FUNCTION_NAME(archive, value);
  } else if constexpr (is_chosen<traits::has_member_save_minimal, traits::is_specialized_member_save_minimal, T,
                                 Archive>) {
    archive.minimal(access::member_save_minimal(archive, value));
  } else if constexpr (is_chosen<traits::has_non_member_save_minimal, traits::is_specialized_non_member_save_minimal, T,
                                 Archive>) {
    archive.minimal(CEREAL_SAVE_MINIMAL_FUNCTION_NAME(archive, value));
  } else if constexpr (is_chosen<traits::has_member_versioned_serialize,
                                 traits::is_specialized_member_versioned_serialize, T, Archive>) {
    access::member_serialize(archive, object, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_non_member_versioned_serialize,
                                 traits::is_specialized_non_member_versioned_serialize, T, Archive>) {
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, object, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_member_versioned_save, traits::is_specialized_member_versioned_save, T,
                                 Archive>) {
    access::member_save(archive, value, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_non_member_versioned_save,
                                 traits::is_specialized_non_member_versioned_save, T, Archive>) {
    CEREAL_SAVE_FUNCTION_NAME(archive, value, archive.template class_version<T>());
  } else if constexpr (!std::is_empty_v<T> && Saves<T, Archive>) {
    static_assert(always_false<T>,
                  "bulkhead: save_minimal with a version is not supported; drop the version or use "
                  "save/load");
  }
}

// Lets `archive` fill what the functions of `value`'s type load.
template <class Archive, class T>
void load_user_type(Archive& archive, T& value) {
  namespace traits = cereal::traits;
  using cereal::access;
  static_assert(Loads<T, Archive>,
                "bulkhead: this type is not serialisable; add  template <class A> void serialize(A& a) "
                "{ a(members...); }  to it");
  using Output = typename traits::detail::get_output_from_input<Archive>::type;
  if constexpr (is_chosen<traits::has_member_serialize, traits::is_specialized_member_serialize, T, Archive>) {
    access::member_serialize(archive, value);
  } else if constexpr (is_chosen<traits::has_non_member_serialize, traits::is_specialized_non_member_serialize, T,
                                 Archive>) {
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value);
  } else if constexpr (is_chosen<traits::has_member_load, traits::is_specialized_member_load, T, Archive>) {
    access::member_load(archive, value);
  } else if constexpr (is_chosen<traits::has_non_member_load, traits::is_specialized_non_member_load, T, Archive>) {
    CEREAL_LOAD_FUNCTION_NAME(archive, value);
  } else if constexpr (is_chosen<traits::has_member_load_minimal, traits::is_specialized_member_load_minimal, T,
                                 Archive>) {
    std::decay_t<decltype(access::member_save_minimal(std::declval<const Output&>(), value))> small{};
    archive.minimal(small);
    access::member_load_minimal(archive, value, small);
  } else if constexpr (is_chosen<traits::has_non_member_load_minimal, traits::is_specialized_non_member_load_minimal, T,
                                 Archive>) {
    std::decay_t<decltype(CEREAL_SAVE_MINIMAL_FUNCTION_NAME(std::declval<const Output&>(), value))> small{};
    archive.minimal(small);
    CEREAL_LOAD_MINIMAL_FUNCTION_NAME(archive, value, small);
  } else if constexpr (is_chosen<traits::has_member_versioned_serialize,
                                 traits::is_specialized_member_versioned_serialize, T, Archive>) {
    access::member_serialize(archive, value, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_non_member_versioned_serialize,
                                 traits::is_specialized_non_member_versioned_serialize, T, Archive>) {
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, value, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_member_versioned_load, traits::is_specialized_member_versioned_load, T,
                                 Archive>) {
    access::member_load(archive, value, archive.template class_version<T>());
  } else if constexpr (is_chosen<traits::has_non_member_versioned_load,
                                 traits::is_specialized_non_member_versioned_load, T, Archive>) {
    CEREAL_LOAD_FUNCTION_NAME(archive, value, archive.template class_version<T>());
  } else if constexpr (!std::is_empty_v<T> && Loads<T, Archive>) {
    static_assert(always_false<T>,
                  "bulkhead: load_minimal with a version is not supported; drop the version or use "
                  "save/load");
  }
}

}  // namespace bulkhead::sdk
