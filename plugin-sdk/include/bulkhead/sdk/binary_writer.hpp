// Writes values in the binary form of WIRE.md: a cereal archive over a ByteSink.
//
// Ownership: borrows the sink.
// Threads:   one at a time.
// Throws EncodeError for what has no form; what was put before it stays in the sink.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include <bulkhead/sdk/byte_sink.hpp>
#include <bulkhead/sdk/duration.hpp>
#include <bulkhead/sdk/known_size.hpp>
#include <bulkhead/sdk/user_type.hpp>

namespace bulkhead::sdk {

static_assert(std::endian::native == std::endian::little, "the wire form is memory's, little endian");

// Private base: lets argument-dependent lookup find cereal's functions for types it supports and we
// do not name.
class BinaryWriter : private cereal::access {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit BinaryWriter(ByteSink& sink) : sink_(sink) {}

  // Writes the values one after the other.
  template <class... T>
  BinaryWriter& operator()(const T&... values) {
    (value(values), ...);
    return *this;
  }
  template <class T>
  BinaryWriter& operator&(const T& v) {
    value(v);
    return *this;
  }
  template <class T>
  BinaryWriter& operator<<(const T& v) {
    value(v);
    return *this;
  }

  // For load/save functions of cereal's kind.
  template <class T>
  std::uint32_t class_version() {
    const std::uint32_t version = cereal::detail::Version<T>::version;
    put_number(version);
    return version;
  }
  template <class T>
  void minimal(const T& v) {
    value(v);
  }
  void serializeDeferments() {}

 private:
  template <class T>
  void put_number(const T& v) {
    sink_.put(&v, sizeof v);
  }
  void put_size(std::size_t size) { put_number(static_cast<std::uint64_t>(size)); }
  void put_string(std::string_view text) {
    put_size(text.size());
    sink_.put(text.data(), text.size());
  }

  template <class T>
  void value(const T& v) {
    refuse_pointers<T>();
    if constexpr (is_named_value<T> || is_deferred<T>) {
      value(v.value);
    } else if constexpr (is_size_tag<T>) {
      put_size(static_cast<std::size_t>(v.size));
    } else if constexpr (is_binary_data<T>) {
      sink_.put(v.data, static_cast<std::size_t>(v.size));
    } else if constexpr (is_base_class<T>) {
      user_type(*v.base_ptr);
    } else if constexpr (std::is_same_v<T, bool>) {
      put_number(static_cast<std::uint8_t>(v ? 1 : 0));
    } else if constexpr (is_plain_number<T>) {
      put_number(v);
    } else if constexpr (std::is_enum_v<T>) {
      value(static_cast<std::underlying_type_t<T>>(v));
    } else if constexpr (StringText<T>) {
      put_string(v);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      put_string(v.native());
    } else if constexpr (std::is_array_v<T> || is_array<T>) {
      elements(v);
    } else if constexpr (is_sequence<T> || is_set<T> || is_map<T>) {
      put_size(v.size());
      elements_of_any_number(v);
    } else if constexpr (is_optional<T> || is_unique_ptr<T>) {
      const bool has_value = static_cast<bool>(v);
      value(has_value);
      if (has_value) value(*v);
    } else if constexpr (is_tuple<T>) {
      std::apply([this](const auto&... element) { (this->value(element), ...); }, v);
    } else if constexpr (is_variant<T>) {
      if (v.valueless_by_exception()) throw EncodeError("a variant holds no value");
      put_number(static_cast<std::uint32_t>(v.index()));
      std::visit([this](const auto& alternative) { this->value(alternative); }, v);
    } else if constexpr (is_shared_array<T>) {
      SharedArrayForm<T>::write(sink_, v);
    } else if constexpr (is_duration<T>) {
      put_number(to_nanoseconds(v));
    } else if constexpr (!std::is_same_v<T, std::monostate>) {
      user_type(v);
    }
  }

  template <class T>
  void user_type(const T& v) {
    const DepthGuard<EncodeError> guard(depth_);
    save_user_type(*this, v);
  }

  template <class Range>
  void elements(const Range& range) {
    using Element = std::remove_cvref_t<decltype(*std::begin(range))>;
    if constexpr (is_plain_number<Element> && requires { std::data(range); }) {
      sink_.put(std::data(range), std::size(range) * sizeof(Element));
    } else if constexpr (is_map<Range>) {
      for (const auto& [key, mapped] : range) (*this)(key, mapped);
    } else {
      for (const auto& element : range) value(static_cast<const Element&>(element));
    }
  }

  // A reader bounds a number of elements by the bytes that are left; elements without bytes would
  // be refused there.
  template <class Range>
  void elements_of_any_number(const Range& range) {
    using Element = std::remove_cvref_t<decltype(*std::begin(range))>;
    if constexpr (has_elements_with_length<Range>()) {
      if (range.size() >= kMany) sink_.expect(known_size_of_elements(range));
    }
    const std::size_t before = sink_.written();
    elements(range);
    if constexpr (least_size<Element>() == 0) {
      if (sink_.written() - before < range.size()) {
        throw EncodeError("a container of " + std::to_string(range.size()) +
                          " elements that take no bytes cannot be sent (give them a member)");
      }
    }
  }

  // Elements, so many that their lengths are worth a look before they are written.
  static constexpr std::size_t kMany = 64;

  ByteSink& sink_;
  unsigned depth_ = 0;
};

}  // namespace bulkhead::sdk
