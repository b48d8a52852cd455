// Reads values in the binary form of WIRE.md from bytes nobody vouches for: a cereal archive.
//
// Ownership: borrows the bytes.
// Threads:   one at a time.
// Throws DecodeError at the first byte that is not what the type says. Never allocates more than
// the bytes present can fill: a claimed number of elements is checked against them first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include <bulkhead/sdk/duration.hpp>
#include <bulkhead/sdk/shared_place.hpp>
#include <bulkhead/sdk/user_type.hpp>

namespace bulkhead::sdk {

// Private base: see BinaryWriter.
class BinaryReader : private cereal::access {
 public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  explicit BinaryReader(std::span<const std::byte> bytes, SharedSource shared = {})
      : cursor_(bytes.data()), end_(bytes.data() + bytes.size()), shared_(shared) {}

  // Fills the values one after the other.
  template <class... T>
  BinaryReader& operator()(T&&... values) {
    (value(values), ...);
    return *this;
  }
  template <class T>
  BinaryReader& operator&(T&& v) {
    value(v);
    return *this;
  }
  template <class T>
  BinaryReader& operator>>(T&& v) {
    value(v);
    return *this;
  }

  // How many bytes are left.
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - cursor_); }
  // Throws DecodeError when bytes are left.
  void finish() const {
    if (cursor_ != end_) {
      throw DecodeError(std::to_string(left()) + " bytes are left over after the last value");
    }
  }

  // For load/save functions of cereal's kind.
  template <class T>
  std::uint32_t class_version() {
    std::uint32_t version = 0;
    get(&version, sizeof version);
    return version;
  }
  template <class T>
  void minimal(T& v) {
    value(v);
  }
  void serializeDeferments() {}

 private:
  [[noreturn]] void ends_early(std::size_t size) const {
    throw DecodeError("the bytes end early: " + std::to_string(size) + " more are needed, " + std::to_string(left()) +
                      " are left");
  }
  const std::byte* take(std::size_t size) {
    if (size > left()) ends_early(size);
    const std::byte* at = cursor_;
    cursor_ += size;
    return at;
  }
  void get(void* out, std::size_t size) {
    const std::byte* from = take(size);
    if (size != 0) std::memcpy(out, from, size);
  }

  // A number of elements of at least `least` bytes each, which the bytes left can hold.
  std::size_t get_size(std::size_t least) {
    std::uint64_t size = 0;
    get(&size, sizeof size);
    if (size > left() / std::max<std::size_t>(least, 1)) {
      throw DecodeError("a size of " + std::to_string(size) + " does not fit the " + std::to_string(left()) +
                        " bytes left");
    }
    return static_cast<std::size_t>(size);
  }

  template <class T>
  void value(T& v) {
    static_assert(!std::is_const_v<T> || is_named_value<std::remove_const_t<T>>,
                  "bulkhead: a const member cannot be read; drop the const or use save/load");
    refuse_pointers<T>();
    static_assert(!std::is_same_v<T, std::string_view>,
                  "bulkhead: a string_view does not own what is read into it; use std::string");
    if constexpr (is_named_value<std::remove_const_t<T>> || is_deferred<T>) {
      value(v.value);
    } else if constexpr (is_size_tag<T>) {
      v.size = static_cast<std::decay_t<decltype(v.size)>>(get_size(1));
    } else if constexpr (is_binary_data<T>) {
      if (v.size > left()) ends_early(static_cast<std::size_t>(v.size));
      get(const_cast<void*>(static_cast<const void*>(v.data)),
          static_cast<std::size_t>(v.size));  // NOLINT
    } else if constexpr (is_base_class<T>) {
      user_type(*v.base_ptr);
    } else if constexpr (std::is_same_v<T, bool>) {
      v = get_bool("bool");
    } else if constexpr (is_plain_number<T>) {
      get(&v, sizeof v);
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      value(number);
      v = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, std::string>) {
      v.assign(get_text());
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      v = get_text();
    } else if constexpr (std::is_array_v<T> || is_array<T>) {
      fixed_elements(v);
    } else if constexpr (is_sequence<T>) {
      sequence(v);
    } else if constexpr (is_set<T> || is_map<T>) {
      unique_elements(v);
    } else if constexpr (is_optional<T>) {
      v.reset();
      if (get_bool("optional")) value(v.emplace());
    } else if constexpr (is_unique_ptr<T>) {
      v.reset();
      if (get_bool("optional")) {
        v = std::make_unique<typename T::element_type>();
        value(*v);
      }
    } else if constexpr (is_tuple<T>) {
      std::apply([this](auto&... element) { (this->value(element), ...); }, v);
    } else if constexpr (is_variant<T>) {
      std::uint32_t index = 0;
      get(&index, sizeof index);
      alternative<0>(v, index);
    } else if constexpr (is_shared_array<T>) {
      SharedPlace place;
      get(&place, sizeof place);
      SharedArrayForm<T>::read(shared_, place, v);
    } else if constexpr (is_duration<T>) {
      std::int64_t nanoseconds = 0;
      get(&nanoseconds, sizeof nanoseconds);
      v = from_nanoseconds<T>(nanoseconds);
    } else if constexpr (!std::is_same_v<T, std::monostate>) {
      user_type(v);
    }
  }

  template <class T>
  void user_type(T& v) {
    const DepthGuard<DecodeError> guard(depth_);
    load_user_type(*this, v);
  }

  bool get_bool(const char* what) {
    std::uint8_t byte = 0;
    get(&byte, 1);
    if (byte > 1) {
      throw DecodeError(std::string("a byte of ") + what + " is " + std::to_string(byte) + ", not 0 or 1");
    }
    return byte == 1;
  }
  std::string_view get_text() {
    const std::size_t size = get_size(1);
    // Characters may alias bytes.
    return {reinterpret_cast<const char*>(take(size)), size};
  }

  template <class Range>
  void fixed_elements(Range& range) {
    using Element = std::remove_cvref_t<decltype(*std::begin(range))>;
    if constexpr (is_plain_number<Element>) {
      get(std::data(range), std::size(range) * sizeof(Element));
    } else {
      for (auto& element : range) value(element);
    }
  }

  // Room for `size` elements, but no more than the bytes left could fill if they were in memory's
  // form: elements whose encoded form is much smaller (optional, user types) grow as they come.
  // Half of it with each level of user types: a type that contains itself could claim all of the
  // bytes at every one of its levels.
  template <class Container>
  void reserve(Container& container, std::size_t size) {
    if constexpr (requires { container.reserve(size); }) {
      const std::size_t believed = depth_ < 64 ? left() >> depth_ : 0;
      container.reserve(std::min(size, believed / sizeof(typename Container::value_type) + 1));
    }
  }

  // A writer refuses such, too: each of many containers could claim all the bytes left.
  template <class Element>
  void refuse_free_elements(std::size_t size, std::size_t left_before) const {
    if constexpr (least_size<Element>() == 0) {
      const std::size_t bytes = left_before - left();
      if (bytes < size) {
        throw DecodeError("a container of " + std::to_string(size) + " elements takes " + std::to_string(bytes) +
                          " bytes");
      }
    }
  }

  template <class Sequence>
  void sequence(Sequence& out) {
    using Element = typename Sequence::value_type;
    static_assert(
        !requires { typename Sequence::element_type; },
        "bulkhead: a span does not own what is read into it; use std::vector");
    const std::size_t size = get_size(least_size<Element>());
    out.clear();
    if constexpr (is_plain_number<Element> && sizeof(Element) == 1) {
      const auto* from = reinterpret_cast<const Element*>(take(size));  // bytes: any alignment
      out.assign(from, from + size);
    } else if constexpr (is_plain_number<Element>) {
      numbers(out, size);
    } else {
      reserve(out, size);
      const std::size_t left_before = left();
      for (std::size_t i = 0; i < size; ++i) {
        if constexpr (std::is_same_v<Element, bool>) {
          out.push_back(get_bool("bool"));
        } else {
          value(out.emplace_back());
        }
      }
      refuse_free_elements<Element>(size, left_before);
    }
  }

  // By way of a small aligned buffer: the bytes have no alignment, and resize() would write all of
  // them twice.
  template <class Sequence>
  void numbers(Sequence& out, std::size_t size) {
    using Element = typename Sequence::value_type;
    std::array<Element, 4096 / sizeof(Element)> chunk;
    reserve(out, size);
    for (std::size_t done = 0; done < size;) {
      const std::size_t now = std::min(size - done, chunk.size());
      get(chunk.data(), now * sizeof(Element));
      out.insert(out.end(), chunk.data(), chunk.data() + now);
      done += now;
    }
  }

  template <class Container>
  void unique_elements(Container& out) {
    using Key = typename Container::key_type;
    std::size_t least = least_size<Key>();
    if constexpr (is_map<Container>) least += least_size<typename Container::mapped_type>();
    const std::size_t size = get_size(least);
    out.clear();
    reserve(out, size);
    for (std::size_t i = 0; i < size; ++i) {
      bool is_new = false;
      Key key{};
      value(key);
      if constexpr (is_map<Container>) {
        const auto [at, inserted] = out.try_emplace(std::move(key));
        is_new = inserted;
        if (is_new) value(at->second);
      } else {
        is_new = out.insert(std::move(key)).second;
      }
      if (!is_new) {
        throw DecodeError(is_map<Container> ? "a map holds a key twice" : "a set holds an element twice");
      }
    }
  }

  template <std::size_t I, class Variant>
  void alternative(Variant& out, std::uint32_t index) {
    if constexpr (I < std::variant_size_v<Variant>) {
      if (index != I) return alternative<I + 1>(out, index);
      value(out.template emplace<I>());
    } else {
      throw DecodeError("a variant's index is " + std::to_string(index) + ", it has " + std::to_string(I) +
                        " alternatives");
    }
  }

  const std::byte* cursor_;
  const std::byte* end_;
  SharedSource shared_;
  unsigned depth_ = 0;
};

}  // namespace bulkhead::sdk
