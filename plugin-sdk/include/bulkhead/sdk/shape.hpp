// A hash over the members of the user types in a signature: two builds that disagree about `Point`
// are told apart although both call it Point.
//
// It covers what `serialize` visits on a default-constructed object: names, order, types, to any
// depth. Threads: any; each result is computed once.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <typeinfo>
#include <vector>

#include <bulkhead/sdk/signature.hpp>
#include <bulkhead/sdk/user_type.hpp>

namespace bulkhead::sdk {

// Whether a type of the user's occurs in T, as far as the type alone can tell.
template <class T>
constexpr bool has_user_type();

template <class... T>
constexpr bool any_user_type(std::type_identity<std::tuple<T...>>) {
  return (false || ... || has_user_type<T>());
}
template <class A, class B>
constexpr bool any_user_type(std::type_identity<std::pair<A, B>>) {
  return has_user_type<A>() || has_user_type<B>();
}
template <class... T>
constexpr bool any_user_type(std::type_identity<std::variant<T...>>) {
  return (false || ... || has_user_type<T>());
}

template <class T>
constexpr bool has_user_type() {
  if constexpr (std::is_void_v<T>) {
    return false;
  } else if constexpr (Named<T> || !Standard<T>) {
    return true;
  } else if constexpr (is_map<T>) {
    return has_user_type<typename T::key_type>() || has_user_type<typename T::mapped_type>();
  } else if constexpr (is_sequence<T> || is_set<T> || is_array<T> || is_optional<T> || is_shared_array<T>) {
    return has_user_type<std::remove_cv_t<typename T::value_type>>();
  } else if constexpr (is_unique_ptr<T>) {
    return true;  // without a name in signatures, so only ever inside a user's type
  } else if constexpr (is_tuple<T> || is_variant<T>) {
    return any_user_type(std::type_identity<T>{});
  } else {
    return false;
  }
}

// An archive that writes down types instead of values.
class ShapeWriter : private cereal::access {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  template <class... T>
  ShapeWriter& operator()(const T&... values) {
    (member(values), ...);
    return *this;
  }
  template <class T>
  ShapeWriter& operator&(const T& v) {
    member(v);
    return *this;
  }
  template <class T>
  ShapeWriter& operator<<(const T& v) {
    member(v);
    return *this;
  }
  template <class T>
  std::uint32_t class_version() {
    const std::uint32_t version = cereal::detail::Version<T>::version;
    text_ += "version;";
    return version;
  }
  template <class T>
  void minimal(const T&) {
    type<T>();
  }
  void serializeDeferments() {}

  // Appends the description of T.
  template <class T>
  void type() {
    if constexpr (std::is_array_v<T>) {
      text_ += "array<";
      type<std::remove_cv_t<std::remove_extent_t<T>>>();
      text_ += "," + std::to_string(std::extent_v<T>) + ">";
    } else if constexpr (!has_user_type<T>()) {
      text_ += type_text<T>().view();
    } else if constexpr (is_map<T>) {
      family("map", std::type_identity<std::tuple<typename T::key_type, typename T::mapped_type>>{});
    } else if constexpr (is_sequence<T>) {
      family("list", std::type_identity<std::tuple<std::remove_cv_t<typename T::value_type>>>{});
    } else if constexpr (is_shared_array<T>) {
      family(std::is_const_v<typename T::element_type> ? "shared" : "shared_mut",
             std::type_identity<std::tuple<typename T::value_type>>{});
    } else if constexpr (is_set<T>) {
      family("set", std::type_identity<std::tuple<typename T::key_type>>{});
    } else if constexpr (is_array<T>) {
      family("array" + std::to_string(std::tuple_size_v<T>), std::type_identity<std::tuple<typename T::value_type>>{});
    } else if constexpr (is_optional<T>) {
      family("optional", std::type_identity<std::tuple<typename T::value_type>>{});
    } else if constexpr (is_unique_ptr<T>) {
      family("optional", std::type_identity<std::tuple<typename T::element_type>>{});
    } else if constexpr (is_tuple<T>) {
      family("tuple", std::type_identity<T>{});
    } else if constexpr (is_variant<T>) {
      family("variant", std::type_identity<T>{});
    } else if constexpr (std::is_enum_v<T>) {
      text_ += type_name<T>::value.view();
      text_ += number_text<std::underlying_type_t<T>>().view();
    } else {
      static_assert(std::is_default_constructible_v<T>,
                    "bulkhead: a type that crosses the boundary must be default constructible");
      user_type(T{});
    }
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  template <class T>
  void member(const T& v) {
    refuse_pointers<T>();
    if constexpr (is_named_value<T>) {
      text_ += v.name;
      text_ += ':';
      member(v.value);
    } else if constexpr (is_deferred<T>) {
      member(v.value);
    } else if constexpr (is_size_tag<T>) {
      text_ += "size;";
    } else if constexpr (is_binary_data<T>) {
      text_ += "raw;";
    } else if constexpr (is_base_class<T>) {
      user_type(*v.base_ptr);
      text_ += ';';
    } else {
      type<T>();
      text_ += ';';
    }
  }
  template <class T>
  void user_type(const T& object) {
    if constexpr (Named<T>) text_ += type_name<T>::value.view();
    for (const std::type_info* open : open_) {
      if (*open == typeid(T)) {
        text_ += '^';
        return;
      }
    }
    open_.push_back(&typeid(T));
    text_ += '{';
    try {
      save_user_type(*this, object);
    } catch (const std::exception&) {
      // What it visited before it threw is its description: the same code gives the same one on the
      // other side.
      text_ += '!';
    }
    text_ += '}';
    open_.pop_back();
  }

  template <class... T>
  void family(std::string_view name, std::type_identity<std::tuple<T...>>) {
    text_ += name;
    text_ += '<';
    ((type<T>(), text_ += ','), ...);
    text_ += '>';
  }
  template <class A, class B>
  void family(std::string_view name, std::type_identity<std::pair<A, B>>) {
    family(name, std::type_identity<std::tuple<A, B>>{});
  }
  template <class... T>
  void family(std::string_view name, std::type_identity<std::variant<T...>>) {
    family(name, std::type_identity<std::tuple<T...>>{});
  }

  std::string text_;
  // Types being described: one that contains itself is only named the second time.
  std::vector<const std::type_info*> open_;
};

// What is hashed for one type: "Point{x:f64;y:f64;}".
template <class T>
std::string shape_text() {
  ShapeWriter writer;
  if constexpr (!std::is_void_v<T>) writer.template type<stored_t<T>>();
  return writer.text();
}

// FNV-1a: small, and the same in every build.
constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

// Adds the description of every user's type that occurs in T, wherever: `Point`, `list<Point>` and an optional Point that
// was left out must agree, since the texts of signatures tell containers apart.
template <class T>
void collect_shapes(std::set<std::string>& shapes) {
  if constexpr (std::is_void_v<T> || !has_user_type<T>()) {
    return;
  } else if constexpr (Named<T> || !Standard<T>) {
    shapes.insert(shape_text<T>());
  } else if constexpr (is_map<T>) {
    collect_shapes<typename T::key_type>(shapes);
    collect_shapes<typename T::mapped_type>(shapes);
  } else if constexpr (is_unique_ptr<T>) {
    collect_shapes<typename T::element_type>(shapes);
  } else if constexpr (is_tuple<T> || is_variant<T>) {
    [&]<template <class...> class Family, class... E>(std::type_identity<Family<E...>>) {
      (collect_shapes<E>(shapes), ...);
    }(std::type_identity<T>{});
  } else {
    collect_shapes<std::remove_cv_t<typename T::value_type>>(shapes);
  }
}

// Over the user types among these; 0 when there are none.
template <class... T>
std::uint32_t shape_half() {
  if constexpr ((true && ... && !has_user_type<stored_t<T>>())) {
    return 0;
  } else {
    static const std::uint32_t hash = [] {
      std::set<std::string> shapes;
      (collect_shapes<stored_t<T>>(shapes), ...);
      std::string text;
      for (const std::string& shape : shapes) text += shape + ',';
      const std::uint64_t h = hash_text(text);
      const auto folded = static_cast<std::uint32_t>(h ^ (h >> 32));
      return folded == 0 ? 1 : folded;  // 0 says "no user type"
    }();
    return hash;
  }
}

// The hash over the user types of a signature: its arguments' in the upper half, its result's in the lower, so that a
// caller who knows only one of them can compare that. 0 when it has none. Computed at the first call.
template <class R, class... A>
std::uint64_t shape_hash() {
  return std::uint64_t{shape_half<A...>()} << 32 | shape_half<R>();
}

}  // namespace bulkhead::sdk
