// Writes values as natural JSON: a cereal archive that appends to a string.
//
// Ownership: borrows the string.
// Threads:   one at a time.
// Throws EncodeError for what has no form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <bulkhead/sdk/json_text.hpp>
#include <bulkhead/sdk/signature.hpp>
#include <bulkhead/sdk/user_type.hpp>

namespace bulkhead::sdk {

// What names alternative I of a variant in JSON: its type's text, with "#I" when another has the
// same.
template <class Variant, std::size_t I>
std::string alternative_name() {
  const auto text = type_text<std::variant_alternative_t<I, Variant>>();
  const std::size_t same = []<std::size_t... J>(std::string_view name, std::index_sequence<J...>) {
    return (std::size_t{0} + ... + (type_text<std::variant_alternative_t<J, Variant>>().view() == name ? 1U : 0U));
  }
  (text.view(), std::make_index_sequence<std::variant_size_v<Variant>>{});
  std::string name(text.view());
  if (same > 1) name += "#" + std::to_string(I);
  return name;
}

// How the members of a user's type are written: decided by the first of them.
enum class MemberForm : std::uint8_t { kUndecided, kNamed, kListed, kMinimal };

// Bases as in BinaryWriter; TextArchive tells cereal that names matter.
class JsonWriter : private cereal::access, public cereal::traits::TextArchive {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit JsonWriter(std::string& out) : out_(out) {}

  // Members of the user type being written; outside of one, the value itself.
  template <class... T>
  JsonWriter& operator()(const T&... values) {
    (member(values), ...);
    return *this;
  }
  template <class T>
  JsonWriter& operator&(const T& v) {
    member(v);
    return *this;
  }
  template <class T>
  JsonWriter& operator<<(const T& v) {
    member(v);
    return *this;
  }

  // For load/save functions of cereal's kind. A version is not written: members have names.
  template <class T>
  std::uint32_t class_version() {
    return cereal::detail::Version<T>::version;
  }
  template <class T>
  void minimal(const T& v) {
    *form_ = MemberForm::kMinimal;
    value(v);
  }
  void serializeDeferments() {}

  // Writes one value.
  template <class T>
  void value(const T& v) {
    refuse_pointers<T>();
    if constexpr (is_named_value<T> || is_deferred<T>) {
      value(v.value);
    } else if constexpr (is_binary_data<T>) {
      base64({static_cast<const char*>(v.data), static_cast<std::size_t>(v.size)});
    } else if constexpr (is_base_class<T>) {
      user_type(*v.base_ptr);
    } else if constexpr (std::is_same_v<T, bool>) {
      out_ += v ? "true" : "false";
    } else if constexpr (std::is_same_v<T, char>) {
      string({&v, 1});
    } else if constexpr (std::is_same_v<T, std::byte>) {
      append_number(out_, static_cast<std::uint8_t>(v));
    } else if constexpr (std::is_arithmetic_v<T>) {
      append_number(out_, v);
    } else if constexpr (std::is_enum_v<T>) {
      value(static_cast<std::underlying_type_t<T>>(v));
    } else if constexpr (StringText<T>) {
      string(v);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      string(v.native());
    } else if constexpr (std::is_same_v<T, std::monostate>) {
      out_ += "null";
    } else if constexpr (Bytes<T>) {
      const std::string bytes(reinterpret_cast_range(v));
      base64(bytes);
    } else if constexpr (std::is_array_v<T> || is_array<T> || is_sequence<T> || is_set<T>) {
      list(v);
    } else if constexpr (is_shared_array<T>) {
      if constexpr (is_byte<typename T::value_type>) {
        base64({reinterpret_cast<const char*>(v.data()), v.size()});
      } else {
        list(v);
      }
    } else if constexpr (is_map<T>) {
      map(v);
    } else if constexpr (is_optional<T> || is_unique_ptr<T>) {
      if (v) {
        value(*v);
      } else {
        out_ += "null";
      }
    } else if constexpr (is_tuple<T>) {
      std::apply(
          [this](const auto&... element) {
            out_ += '[';
            ((this->value(element), out_ += ','), ...);
            this->close_after_comma(']', sizeof...(element) != 0);
          },
          v);
    } else if constexpr (is_variant<T>) {
      alternative<0>(v);
    } else if constexpr (is_duration<T>) {
      out_ += '"';
      append_duration(out_, to_nanoseconds(v));
      out_ += '"';
    } else {
      user_type(v);
    }
  }

 private:
  template <class Range>
  static std::string reinterpret_cast_range(const Range& bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const auto byte : bytes) text += static_cast<char>(byte);
    return text;
  }
  void close_after_comma(char bracket, bool has_comma) {
    if (has_comma) {
      out_.back() = bracket;
    } else {
      out_ += bracket;
    }
  }
  void base64(std::string_view bytes) {
    out_ += "{\"base64\":\"";
    append_base64(out_, bytes);
    out_ += "\"}";
  }
  void string(std::string_view text) {
    if (is_utf8(text)) {
      append_json_string(out_, text);
    } else {
      base64(text);
    }
  }
  template <class Range>
  void list(const Range& range) {
    using Element = std::remove_cvref_t<decltype(*std::begin(range))>;
    out_ += '[';
    bool has_comma = false;
    for (const auto& element : range) {
      value(static_cast<const Element&>(element));
      out_ += ',';
      has_comma = true;
    }
    close_after_comma(']', has_comma);
  }
  // An object when the keys are strings that can be names, else an array of pairs.
  template <class Map>
  void map(const Map& entries) {
    bool is_object = std::is_same_v<typename Map::key_type, std::string>;
    if constexpr (std::is_same_v<typename Map::key_type, std::string>) {
      for (const auto& entry : entries) is_object = is_object && is_utf8(entry.first);
    }
    out_ += is_object ? '{' : '[';
    for (const auto& [key, mapped] : entries) {
      if (!is_object) out_ += '[';
      value(key);
      out_ += is_object ? ':' : ',';
      value(mapped);
      if (!is_object) out_ += ']';
      out_ += ',';
    }
    close_after_comma(is_object ? '}' : ']', !entries.empty());
  }
  template <std::size_t I, class Variant>
  void alternative(const Variant& v) {
    if constexpr (I < std::variant_size_v<Variant>) {
      if (v.index() != I) return alternative<I + 1>(v);
      out_ += '{';
      append_json_string(out_, alternative_name<Variant, I>());
      out_ += ':';
      value(std::get<I>(v));
      out_ += '}';
    } else {
      throw EncodeError("a variant holds no value");
    }
  }

  template <class T>
  void user_type(const T& v) {
    const DepthGuard<EncodeError> guard(depth_);
    MemberForm form = MemberForm::kUndecided;
    const ScopedValue<MemberForm*> innermost(form_, &form);
    save_user_type(*this, v);
    if (form == MemberForm::kUndecided) out_ += "{}";
    if (form == MemberForm::kNamed) close_after_comma('}', true);
    if (form == MemberForm::kListed) close_after_comma(']', out_.back() == ',');
  }
  void decide(MemberForm form) {
    if (*form_ == MemberForm::kUndecided) {
      *form_ = form;
      out_ += form == MemberForm::kNamed ? '{' : '[';
    }
    if (*form_ != form) {
      throw EncodeError("a serialize() names some of its members and not others: use CEREAL_NVP for all or none");
    }
  }
  template <class T>
  void member(const T& v) {
    if constexpr (is_base_class<T>) {
      // The base's members are the type's own.
      const DepthGuard<EncodeError> guard(depth_);
      save_user_type(*this, *v.base_ptr);
    } else if constexpr (is_size_tag<T>) {
      if (form_ != nullptr) decide(MemberForm::kListed);
    } else if constexpr (is_deferred<T>) {
      member(v.value);
    } else if (form_ == nullptr) {
      value(v);
    } else if constexpr (is_named_value<T>) {
      decide(MemberForm::kNamed);
      append_json_string(out_, v.name);
      out_ += ':';
      value(v.value);
      out_ += ',';
    } else {
      decide(MemberForm::kListed);
      value(v);
      out_ += ',';
    }
  }

  std::string& out_;
  MemberForm* form_ = nullptr;  // of the innermost user type being written
  unsigned depth_ = 0;
};

}  // namespace bulkhead::sdk
