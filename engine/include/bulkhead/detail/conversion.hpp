// Encoding a host's value as the type a task declares, and reading a task's result as the type the host asks for.
//
// api.md's rule: integers to any integer type if the value fits; integers to floats if exact; f32 to f64; text to str,
// path and bytes and back; a value to optional; a shared array that may be written to one that is read; numbers side by
// side to one of their own; element by element inside containers. Nothing else. What can never
// convert is found once, by can_send(); what a value decides, by send(). Results widen by type only: a failure after
// the task ran would lose its work.
#pragma once

#include <bulkhead/detail/signature_desc.hpp>
#include <bulkhead/error.hpp>
#include <bulkhead/shared_array.hpp>
#include <bulkhead/types.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace bulkhead::detail {

// Stands, in messages, for a type without a name in signatures.
struct Unknown {};

}  // namespace bulkhead::detail

template <>
struct bulkhead::type_name<bulkhead::detail::Unknown> {
  static constexpr auto value = bulkhead::sdk::Text("?");
};

namespace bulkhead::detail {

template <class T>
concept PlainNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;
template <class T>
concept Text = std::is_convertible_v<const T&, std::string_view> && !std::is_same_v<T, std::nullptr_t>;
template <class T>
concept Path = std::is_same_v<T, std::filesystem::path>;
template <class T>
concept Mapping = requires {
  typename T::mapped_type;
}
&&std::ranges::range<const T>;
// Any sized range of values, our own containers and others' alike.
template <class T>
concept Sequence = std::ranges::sized_range<const T> && !Text<T> && !Path<T> && !Mapping<T>;
template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
}
&&!std::ranges::range<const T>;

template <class T>
inline constexpr bool is_optional_v = false;
template <class T>
inline constexpr bool is_optional_v<std::optional<T>> = true;

// The archives know T and everything in it: they can write it as it is.
template <class T>
constexpr bool encodes_as_is();
template <class... T>
constexpr bool all_encode_as_is(std::type_identity<std::tuple<T...>>) {
  return (true && ... && encodes_as_is<T>());
}
template <class A, class B>
constexpr bool all_encode_as_is(std::type_identity<std::pair<A, B>>) {
  return encodes_as_is<A>() && encodes_as_is<B>();
}
template <class... T>
constexpr bool all_encode_as_is(std::type_identity<std::variant<T...>>) {
  return (true && ... && encodes_as_is<T>());
}
template <class T>
constexpr bool encodes_as_is() {
  if constexpr (sdk::Named<T>) {
    return true;
  } else if constexpr (!sdk::Standard<T> || sdk::is_unique_ptr<T>) {
    return false;
  } else if constexpr (sdk::is_map<T>) {
    return encodes_as_is<typename T::key_type>() && encodes_as_is<typename T::mapped_type>();
  } else if constexpr (sdk::is_sequence<T> || sdk::is_set<T> || sdk::is_array<T> || sdk::is_optional<T>) {
    return encodes_as_is<std::remove_cv_t<typename T::value_type>>();
  } else if constexpr (sdk::is_tuple<T> || sdk::is_variant<T>) {
    return all_encode_as_is(std::type_identity<T>{});
  } else if constexpr (std::is_arithmetic_v<T>) {
    return sizeof(T) <= 8 && !sdk::is_wide_char<T>;
  } else {
    return true;
  }
}

// The type with a name in signatures that stands for T: text for whatever reads as text, a list for any sized range.
// Unknown where there is none.
template <class T>
struct canonical {
  using type = std::conditional_t<encodes_as_is<T>(), T, Unknown>;
};
template <Text T>
struct canonical<T> {
  using type = std::string;
};
template <class T>
requires(!encodes_as_is<T>() && is_optional_v<T>) struct canonical<T> {
  using type = std::optional<typename canonical<typename T::value_type>::type>;
};
template <Mapping T>
requires(!encodes_as_is<T>()) struct canonical<T> {
  using type =
      std::map<typename canonical<typename T::key_type>::type, typename canonical<typename T::mapped_type>::type>;
};
template <Sequence T>
requires(!encodes_as_is<T>()) struct canonical<T> {
  using type = std::vector<typename canonical<std::remove_cvref_t<std::ranges::range_value_t<const T>>>::type>;
};
template <class... T>
requires(!encodes_as_is<std::tuple<T...>>()) struct canonical<std::tuple<T...>> {
  using type = std::tuple<typename canonical<T>::type...>;
};
template <class A, class B>
requires(!encodes_as_is<std::pair<A, B>>()) struct canonical<std::pair<A, B>> {
  using type = std::tuple<typename canonical<A>::type, typename canonical<B>::type>;
};
template <class T>
using canonical_t = typename canonical<T>::type;

// Whether T's own encoding is the declared type's: then nothing is converted.
template <class T>
[[nodiscard]] bool is_exactly(const TypeDesc& declared) {
  if constexpr (Text<T>) {
    return declared.kind == TypeDesc::Kind::kStr;
  } else if constexpr (encodes_as_is<T>()) {
    return sdk::type_text<T>().view() == declared.text;
  } else {
    return false;
  }
}

// Whether some value of T could be sent as `declared`.
template <class T>
[[nodiscard]] bool can_send(const TypeDesc& declared);

template <class Tuple>
[[nodiscard]] bool can_send_each(const TypeDesc& declared) {
  if (declared.parts.size() != std::tuple_size_v<Tuple>) return false;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (can_send<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>>(declared.parts[I]) && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
}

// Any sized range may become a list; a set only out of a set, an array only out of one of the same length.
template <class T>
[[nodiscard]] bool is_container_like(const TypeDesc& declared) {
  if (declared.kind == TypeDesc::Kind::kSet) return sdk::is_set<T>;
  if constexpr (sdk::is_array<T>) {
    if (declared.kind == TypeDesc::Kind::kArray) return declared.length == std::tuple_size_v<T>;
  }
  return declared.kind == TypeDesc::Kind::kList;
}

// Elements that can be put into a shared array as they lie in memory, or that are in one already.
template <class T>
inline constexpr bool is_shareable_range = false;
template <Sequence T>
inline constexpr bool is_shareable_range<T> =
    std::ranges::contiguous_range<const T>&& sdk::is_shareable<std::ranges::range_value_t<const T>>;

template <class T>
bool can_send(const TypeDesc& declared) {
  using Kind = TypeDesc::Kind;
  if (is_exactly<T>(declared)) return true;
  if constexpr (is_shareable_range<T>) {
    if (declared.kind == Kind::kShared) {
      return sdk::type_text<std::ranges::range_value_t<const T>>().view() == declared.parts[0].text;
    }
  }
  if constexpr (is_optional_v<T>) {
    return declared.kind == Kind::kOptional && can_send<typename T::value_type>(declared.parts[0]);
  } else {
    if (declared.kind == Kind::kOptional) return can_send<T>(declared.parts[0]);
    if constexpr (std::is_enum_v<T>) {
      return can_send<std::underlying_type_t<T>>(declared);
    } else if constexpr (PlainNumber<T>) {
      if (declared.is_integer()) return std::is_integral_v<T>;
      if (declared.kind == Kind::kF64) return sizeof(T) <= 8;
      if (declared.kind == Kind::kF32) return std::is_integral_v<T> || std::is_same_v<T, float>;
      return false;
    } else if constexpr (Text<T>) {
      return declared.kind == Kind::kPath || declared.kind == Kind::kBytes;
    } else if constexpr (Path<T>) {
      return declared.kind == Kind::kStr;
    } else if constexpr (Mapping<T>) {
      return declared.kind == Kind::kMap && can_send<typename T::key_type>(declared.parts[0]) &&
             can_send<typename T::mapped_type>(declared.parts[1]);
    } else if constexpr (Sequence<T>) {
      return is_container_like<T>(declared) &&
             can_send<std::remove_cvref_t<std::ranges::range_value_t<const T>>>(declared.parts[0]);
    } else if constexpr (TupleLike<T>) {
      return declared.kind == Kind::kTuple && can_send_each<T>(declared);
    } else {
      return false;
    }
  }
}

// Whether an integer is unchanged by a trip through a float.
template <class Float, class Integer>
[[nodiscard]] bool is_exact_as(Integer value) noexcept {
  const Float converted = static_cast<Float>(value);
  // The first float beyond Integer (a power of two) is where rounding up may land; converting it back is undefined.
  const Float limit = static_cast<Float>(std::numeric_limits<Integer>::max() / 2 + 1) * 2;
  return converted < limit && static_cast<Integer>(converted) == value;
}

// What send() throws; encode_arguments() makes an ArgumentError of it, which names task and argument.
struct DoesNotFit : std::out_of_range {
  using std::out_of_range::out_of_range;
};
[[noreturn]] void raise_does_not_fit(const std::string& value, const TypeDesc& declared, const char* why);

// Writes an arithmetic value as a number of type To. Throws DoesNotFit when that would change it.
template <class To, class From>
void send_number(sdk::ByteSink& sink, From value, const TypeDesc& declared) {
  if constexpr (std::is_integral_v<To> && std::is_integral_v<From>) {
    if (!std::in_range<To>(value)) raise_does_not_fit(std::to_string(value), declared, "is out of its range");
  } else if constexpr (std::is_integral_v<From>) {
    if (!is_exact_as<To>(value)) {
      raise_does_not_fit(std::to_string(value), declared, "would be rounded");
    }
  }
  const To converted = static_cast<To>(value);
  sink.put(&converted, sizeof converted);
}

template <class T>
void send_as_number(sdk::ByteSink& sink, T value, const TypeDesc& declared) {
  using Kind = TypeDesc::Kind;
  if constexpr (std::is_integral_v<T>) {
    switch (declared.kind) {
      case Kind::kI8:
        return send_number<std::int8_t>(sink, value, declared);
      case Kind::kI16:
        return send_number<std::int16_t>(sink, value, declared);
      case Kind::kI32:
        return send_number<std::int32_t>(sink, value, declared);
      case Kind::kI64:
        return send_number<std::int64_t>(sink, value, declared);
      case Kind::kU8:
        return send_number<std::uint8_t>(sink, value, declared);
      case Kind::kU16:
        return send_number<std::uint16_t>(sink, value, declared);
      case Kind::kU32:
        return send_number<std::uint32_t>(sink, value, declared);
      case Kind::kU64:
        return send_number<std::uint64_t>(sink, value, declared);
      default:
        break;
    }
  }
  if (declared.kind == Kind::kF32) {
    if constexpr (std::is_integral_v<T>) return send_number<float>(sink, value, declared);
  }
  send_number<double>(sink, value, declared);
}

// Writes `value` as the declared type; can_send<T>(declared) holds. Throws DoesNotFit for a value that does not.
template <class T>
void send(sdk::ByteSink& sink, const TypeDesc& declared, const T& value) {
  using Kind = TypeDesc::Kind;
  const auto put_size = [&](std::uint64_t size) { sink.put(&size, sizeof size); };
  const auto put_text = [&](std::string_view text) {
    put_size(text.size());
    sink.put(text.data(), text.size());
  };
  const auto put_presence = [&](bool present) {
    const std::uint8_t byte = present ? 1 : 0;
    sink.put(&byte, 1);
  };
  if constexpr (encodes_as_is<T>()) {
    if (is_exactly<T>(declared)) return sdk::write(sink, value);
  }
  if constexpr (is_shareable_range<T>) {
    using Shared = SharedArray<const std::ranges::range_value_t<const T>>;
    if (declared.kind == Kind::kShared) {
      if constexpr (sdk::is_shared_array<T>) {
        return sdk::write(sink, Shared(value));
      } else {
        return sdk::write(sink, Shared::copy_of({std::ranges::data(value), std::ranges::size(value)}));
      }
    }
  }
  if constexpr (is_optional_v<T>) {
    put_presence(value.has_value());
    if (value) send(sink, declared.parts[0], *value);
  } else {
    if (declared.kind == Kind::kOptional) {
      put_presence(true);
      return send(sink, declared.parts[0], value);
    }
    if constexpr (std::is_enum_v<T>) {
      send(sink, declared, static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (PlainNumber<T>) {
      send_as_number(sink, value, declared);
    } else if constexpr (Text<T>) {
      put_text(std::string_view(value));
    } else if constexpr (Path<T>) {
      put_text(value.native());
    } else if constexpr (Mapping<T>) {
      put_size(std::ranges::size(value));
      for (const auto& [key, mapped] : value) {
        send(sink, declared.parts[0], key);
        send(sink, declared.parts[1], mapped);
      }
    } else if constexpr (Sequence<T>) {
      if (declared.kind != Kind::kArray) put_size(std::ranges::size(value));
      using Element = std::remove_cvref_t<std::ranges::range_value_t<const T>>;
      for (auto&& element : value) send<Element>(sink, declared.parts[0], static_cast<const Element&>(element));
    } else if constexpr (TupleLike<T>) {
      std::apply(
          [&](const auto&... element) {
            std::size_t i = 0;
            (send(sink, declared.parts[i++], element), ...);
          },
          value);
    }
  }
}

// Whether a result of type `declared` can be read as an R: the same type, or a number that every value widens to.
template <class R>
[[nodiscard]] bool can_receive(const TypeDesc& declared) {
  if (sdk::type_text<R>().view() == declared.text) return true;
  if constexpr (PlainNumber<R> && std::is_integral_v<R>) {
    if (!declared.is_integer()) return false;
    constexpr int kBits = static_cast<int>(sizeof(R) * 8);
    if constexpr (std::is_signed_v<R>) {
      return declared.is_signed() ? declared.bits() <= kBits : declared.bits() < kBits;
    } else {
      return !declared.is_signed() && declared.bits() <= kBits;
    }
  } else if constexpr (std::is_same_v<R, double>) {
    return declared.kind == TypeDesc::Kind::kF32 || (declared.is_integer() && declared.bits() <= 32);
  } else if constexpr (std::is_same_v<R, float>) {
    return declared.is_integer() && declared.bits() <= 16;
  } else if constexpr (sdk::is_shared_array<R>) {
    return std::is_const_v<typename R::element_type> && declared.kind == TypeDesc::Kind::kSharedMut &&
           sdk::type_text<typename R::value_type>().view() == declared.parts[0].text;
  } else {
    return false;
  }
}

template <class R, class From>
[[nodiscard]] R receive_number(std::span<const std::byte> bytes) {
  From value{};
  sdk::read(bytes, value);
  return static_cast<R>(value);
}

// Reads a result of type `declared` as an R; can_receive<R>(declared) holds. Throws sdk::DecodeError.
template <class R>
[[nodiscard]] R receive(std::span<const std::byte> bytes, const TypeDesc& declared,
                        const sdk::SharedRefs* arrays = nullptr) {
  using Kind = TypeDesc::Kind;
  if constexpr (PlainNumber<R>) {
    if (sdk::type_text<R>().view() != declared.text) {
      switch (declared.kind) {
        case Kind::kI8:
          return receive_number<R, std::int8_t>(bytes);
        case Kind::kI16:
          return receive_number<R, std::int16_t>(bytes);
        case Kind::kI32:
          return receive_number<R, std::int32_t>(bytes);
        case Kind::kI64:
          return receive_number<R, std::int64_t>(bytes);
        case Kind::kU8:
          return receive_number<R, std::uint8_t>(bytes);
        case Kind::kU16:
          return receive_number<R, std::uint16_t>(bytes);
        case Kind::kU32:
          return receive_number<R, std::uint32_t>(bytes);
        case Kind::kU64:
          return receive_number<R, std::uint64_t>(bytes);
        case Kind::kF32:
          return receive_number<R, float>(bytes);
        default:
          break;
      }
    }
  }
  sdk::stored_t<R> value{};
  sdk::read_with({.refs = arrays}, bytes, value);
  return value;
}

}  // namespace bulkhead::detail
