// Reads values from natural JSON: a cereal archive over a JsonDocument.
//
// Ownership: borrows the document.
// Threads:   one at a time.
// Throws DecodeError, which says where: `argument 2, [3].name: expected integer, got string`.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bulkhead/sdk/json_document.hpp>
#include <bulkhead/sdk/json_scalars.hpp>
#include <bulkhead/sdk/json_writer.hpp>
#include <bulkhead/sdk/shared_place.hpp>

namespace bulkhead::sdk {

// Bases as in JsonWriter.
class JsonReader : private JsonScalars, private cereal::access, public cereal::traits::TextArchive {
 public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  // `what` names the value in errors ("argument 2"); it may be empty.
  explicit JsonReader(const JsonDocument& document, JsonIndex node = 0, std::string what = {})
      : JsonScalars(document, std::move(what)), root_(node) {}

  // Members of the user type being read; outside of one, the value itself.
  template <class... T>
  JsonReader& operator()(T&&... values) {
    (member(values), ...);
    return *this;
  }
  template <class T>
  JsonReader& operator&(T&& v) {
    member(v);
    return *this;
  }
  template <class T>
  JsonReader& operator>>(T&& v) {
    member(v);
    return *this;
  }

  // For load/save functions of cereal's kind.
  template <class T>
  std::uint32_t class_version() {
    return cereal::detail::Version<T>::version;
  }
  template <class T>
  void minimal(T& v) {
    frame_->form = MemberForm::kMinimal;
    value(v, frame_->node);
  }
  void serializeDeferments() {}

  // Reads the value at the node given to the constructor.
  template <class T>
  void read(T& v) {
    value(v, root_);
  }

 private:
  // A user's type being read.
  struct Frame {
    JsonIndex node;
    MemberForm form = MemberForm::kUndecided;
    JsonIndex next_element = 0;
    std::uint32_t elements_read = 0;
    std::vector<JsonIndex> members_read = {};
  };
  template <class T>
  void value(T& v, JsonIndex node) {
    static_assert(!std::is_const_v<T> || is_named_value<std::remove_const_t<T>>,
                  "bulkhead: a const member cannot be read; drop the const or use save/load");
    refuse_pointers<T>();
    if constexpr (is_named_value<std::remove_const_t<T>> || is_deferred<T>) {
      value(v.value, node);
    } else if constexpr (is_binary_data<T>) {
      const std::string bytes = byte_text(node, "bytes");
      if (bytes.size() != v.size)
        fail("expected " + std::to_string(v.size) + " bytes, got " + std::to_string(bytes.size()));
      std::memcpy(const_cast<void*>(static_cast<const void*>(v.data)), bytes.data(),
                  bytes.size());  // NOLINT
    } else if constexpr (is_base_class<T>) {
      user_type(*v.base_ptr, node);
    } else if constexpr (std::is_same_v<T, bool>) {
      if (document_.kind(node) != JsonKind::kTrue) expect(node, JsonKind::kFalse, "true or false");
      v = document_.kind(node) == JsonKind::kTrue;
    } else if constexpr (std::is_same_v<T, char>) {
      const std::string text = byte_text(node, "string of one character");
      if (text.size() != 1)
        fail("expected a string of one character, got one of " + std::to_string(text.size()) + " bytes");
      v = text[0];
    } else if constexpr (std::is_same_v<T, std::byte>) {
      v = static_cast<std::byte>(integer<std::uint8_t>(node));
    } else if constexpr (std::is_floating_point_v<T>) {
      v = floating<T>(node);
    } else if constexpr (std::is_arithmetic_v<T>) {
      v = integer<T>(node);
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      value(number, node);
      v = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, std::string>) {
      v = byte_text(node, "string");
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
      v = byte_text(node, "string");
    } else if constexpr (std::is_same_v<T, std::monostate>) {
      expect(node, JsonKind::kNull, "null");
    } else if constexpr (Bytes<T>) {
      const std::string text = byte_text(node, "bytes (a string or {\"base64\": ...})");
      v.clear();
      for (const char c : text) v.push_back(static_cast<typename T::value_type>(c));
    } else if constexpr (std::is_array_v<T> || is_array<T>) {
      expect_count(node, std::size(v));
      std::size_t index = 0;
      JsonIndex element = node + 1;
      for (auto& each : v) {
        at_index(each, element, index++);
        element = document_.next(element);
      }
    } else if constexpr (is_sequence<T>) {
      v.clear();
      for_each_element(node, [&](JsonIndex element, std::size_t index) {
        typename T::value_type each{};
        at_index(each, element, index);
        v.push_back(std::move(each));
      });
    } else if constexpr (is_shared_array<T>) {
      // Of its own: nobody else has it.
      std::vector<typename T::value_type> elements;
      value(elements, node);
      v = SharedArrayForm<T>::from(elements);
    } else if constexpr (is_set<T>) {
      v.clear();
      for_each_element(node, [&](JsonIndex element, std::size_t index) {
        typename T::key_type each{};
        at_index(each, element, index);
        if (!v.insert(std::move(each)).second) fail("element " + std::to_string(index) + " occurs twice in a set");
      });
    } else if constexpr (is_map<T>) {
      map(v, node);
    } else if constexpr (is_optional<T>) {
      v.reset();
      if (document_.kind(node) != JsonKind::kNull) value(v.emplace(), node);
    } else if constexpr (is_unique_ptr<T>) {
      v.reset();
      if (document_.kind(node) != JsonKind::kNull) {
        v = std::make_unique<typename T::element_type>();
        value(*v, node);
      }
    } else if constexpr (is_tuple<T>) {
      expect_count(node, std::tuple_size_v<T>);
      std::apply(
          [&, this](auto&... each) {
            [[maybe_unused]] JsonIndex element = node + 1;
            [[maybe_unused]] std::size_t index = 0;
            ((this->at_index(each, element, index++), element = document_.next(element)), ...);
          },
          v);
    } else if constexpr (is_variant<T>) {
      expect(node, JsonKind::kObject, "object with one member (the alternative's type)");
      if (document_.count(node) != 1) fail("expected an object with one member, the alternative's type");
      alternative<0>(v, node);
    } else if constexpr (is_duration<T>) {
      expect(node, JsonKind::kString, "duration such as \"1.5s\"");
      const auto nanoseconds = parse_duration(document_.text(node));
      if (!nanoseconds) {
        fail("expected a duration such as \"1.5s\" (ns, us, ms, s, m, h), got \"" + std::string(document_.text(node)) +
             "\"");
      }
      try {
        v = from_nanoseconds<T>(*nanoseconds);
      } catch (const DecodeError& error) {
        fail(error.what());
      }
    } else {
      user_type(v, node);
    }
  }

  template <class T>
  void at_index(T& v, JsonIndex node, std::size_t index) {
    const JsonPath::Into step(path_, index);
    value(v, node);
  }
  template <class Function>
  void for_each_element(JsonIndex node, Function function) {
    expect(node, JsonKind::kArray, "array");
    JsonIndex element = node + 1;
    for (std::uint32_t i = 0; i < document_.count(node); ++i, element = document_.next(element)) {
      function(element, i);
    }
  }

  template <class Map>
  void map(Map& out, JsonIndex node) {
    using Key = typename Map::key_type;
    using Mapped = typename Map::mapped_type;
    out.clear();
    if constexpr (std::is_same_v<Key, std::string>) {
      if (document_.kind(node) == JsonKind::kObject) {
        JsonIndex key = node + 1;
        for (std::uint32_t i = 0; i < document_.count(node); ++i, key = document_.next(key + 1)) {
          const JsonPath::Into step(path_, document_.text(key));
          const auto [at, inserted] = out.try_emplace(std::string(document_.text(key)));
          if (!inserted) fail("a map holds this key twice");
          value(at->second, key + 1);
        }
        return;
      }
      if (document_.kind(node) != JsonKind::kArray) expect(node, JsonKind::kObject, "object");
    }
    for_each_element(node, [&](JsonIndex element, std::size_t index) {
      std::pair<Key, Mapped> entry{};
      at_index(entry, element, index);
      if (!out.emplace(std::move(entry)).second)
        fail("entry " + std::to_string(index) + " has a key that occurs twice");
    });
  }

  template <std::size_t I, class Variant>
  void alternative(Variant& out, JsonIndex node) {
    const std::string_view name = document_.text(node + 1);
    if constexpr (I < std::variant_size_v<Variant>) {
      if (name != alternative_name<Variant, I>()) return alternative<I + 1>(out, node);
      const JsonPath::Into step(path_, name);
      value(out.template emplace<I>(), node + 2);
    } else {
      fail("\"" + std::string(name) + "\" is no alternative of " + std::string(type_text<Variant>().view()));
    }
  }

  template <class T>
  void user_type(T& v, JsonIndex node) {
    const DepthGuard<DecodeError> guard(depth_);
    Frame frame{.node = node};
    const ScopedValue<Frame*> innermost(frame_, &frame);
    load_user_type(*this, v);
    if (frame.form == MemberForm::kMinimal) return;
    if (frame.form == MemberForm::kListed) {
      if (frame.elements_read != document_.count(node)) {
        fail("expected an array of " + std::to_string(frame.elements_read) + ", got one of " +
             std::to_string(document_.count(node)));
      }
      return;
    }
    if (frame.form == MemberForm::kUndecided && document_.kind(node) == JsonKind::kArray) {
      return expect_count(node, 0);
    }
    expect(node, JsonKind::kObject, "object");
    refuse_unknown_members(frame);
  }
  void refuse_unknown_members(const Frame& frame) const {
    JsonIndex key = frame.node + 1;
    for (std::uint32_t i = 0; i < document_.count(frame.node); ++i, key = document_.next(key + 1)) {
      const auto& read = frame.members_read;
      if (std::find(read.begin(), read.end(), key + 1) == read.end()) {
        fail("there is no member \"" + std::string(document_.text(key)) + "\" in this type");
      }
    }
  }
  void decide(MemberForm form) {
    if (frame_->form == MemberForm::kUndecided) {
      frame_->form = form;
      frame_->next_element = frame_->node + 1;
      const bool is_named = form == MemberForm::kNamed;
      expect(frame_->node, is_named ? JsonKind::kObject : JsonKind::kArray, is_named ? "object" : "array");
    }
    if (frame_->form != form) {
      fail("a serialize() names some of its members and not others: use CEREAL_NVP for all or none");
    }
  }
  template <class T>
  void member(T& v) {
    if constexpr (is_base_class<T>) {
      const DepthGuard<DecodeError> guard(depth_);
      load_user_type(*this, *v.base_ptr);
    } else if constexpr (is_deferred<T>) {
      member(v.value);
    } else if (frame_ == nullptr) {
      if constexpr (!is_size_tag<T>) value(v, root_);
    } else if constexpr (is_size_tag<T>) {
      decide(MemberForm::kListed);
      v.size = static_cast<std::decay_t<decltype(v.size)>>(document_.count(frame_->node) - frame_->elements_read);
    } else if constexpr (is_named_value<std::remove_const_t<T>>) {
      decide(MemberForm::kNamed);
      const JsonIndex node = document_.find(frame_->node, v.name);
      if (node == 0) fail("the member \"" + std::string(v.name) + "\" is missing");
      frame_->members_read.push_back(node);
      const JsonPath::Into step(path_, std::string_view(v.name));
      value(v.value, node);
    } else {
      decide(MemberForm::kListed);
      if (frame_->elements_read == document_.count(frame_->node)) {
        fail("expected an array of more than " + std::to_string(frame_->elements_read));
      }
      const JsonIndex node = frame_->next_element;
      frame_->next_element = document_.next(node);
      at_index(v, node, frame_->elements_read++);
    }
  }

  const JsonIndex root_;
  Frame* frame_ = nullptr;
  unsigned depth_ = 0;
};

}  // namespace bulkhead::sdk
