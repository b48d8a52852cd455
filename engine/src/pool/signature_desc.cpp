#include "bulkhead/detail/signature_desc.hpp"

#include <bulkhead/sdk/shared_place.hpp>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace bulkhead::detail {

namespace {

using Kind = TypeDesc::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 18> kPlain{{{"i8", Kind::kI8},
                                                                    {"i16", Kind::kI16},
                                                                    {"i32", Kind::kI32},
                                                                    {"i64", Kind::kI64},
                                                                    {"u8", Kind::kU8},
                                                                    {"u16", Kind::kU16},
                                                                    {"u32", Kind::kU32},
                                                                    {"u64", Kind::kU64},
                                                                    {"f32", Kind::kF32},
                                                                    {"f64", Kind::kF64},
                                                                    {"bool", Kind::kBool},
                                                                    {"char", Kind::kChar},
                                                                    {"str", Kind::kStr},
                                                                    {"path", Kind::kPath},
                                                                    {"bytes", Kind::kBytes},
                                                                    {"null", Kind::kNull},
                                                                    {"duration", Kind::kDuration},
                                                                    {"void", Kind::kVoid}}};

constexpr std::array<std::pair<std::string_view, Kind>, 9> kContainers{{{"list<", Kind::kList},
                                                                        {"set<", Kind::kSet},
                                                                        {"array<", Kind::kArray},
                                                                        {"map<", Kind::kMap},
                                                                        {"optional<", Kind::kOptional},
                                                                        {"tuple<", Kind::kTuple},
                                                                        {"variant<", Kind::kVariant},
                                                                        {"shared<", Kind::kShared},
                                                                        {"shared_mut<", Kind::kSharedMut}}};

// A catalogue comes out of a file: endless nesting must not become endless recursion.
constexpr int kMaxNesting = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : whole_(text), rest_(text) {}

  SignatureDesc signature() {
    SignatureDesc result;
    result.text = std::string(whole_);
    expect("(");
    if (!try_take(")")) {
      do {
        result.parameters.push_back(type(0));
      } while (try_take(","));
      expect(")");
    }
    expect("->");
    result.result = type(0);
    if (!rest_.empty()) fail("has text behind its result");
    return result;
  }

 private:
  TypeDesc type(int depth) {
    if (depth > kMaxNesting) fail("nests too deeply");
    const std::string_view before = rest_;
    TypeDesc desc;
    if (!container(desc, depth) && !plain(desc)) fail("names an empty type");
    desc.text = std::string(before.substr(0, before.size() - rest_.size()));
    return desc;
  }

  bool container(TypeDesc& desc, int depth) {
    for (const auto& [prefix, kind] : kContainers) {
      if (!try_take(prefix)) continue;
      desc.kind = kind;
      bool has_length = false;
      if (kind == Kind::kTuple && try_take(">")) return true;
      do {
        if (kind == Kind::kArray && desc.parts.size() == 1) {
          desc.length = number();
          has_length = true;
        } else {
          desc.parts.push_back(type(depth + 1));
        }
      } while (try_take(","));
      expect(">");
      if (kind == Kind::kArray && !has_length) fail("has an array without a length");
      check_parts(desc);
      return true;
    }
    return false;
  }

  void check_parts(const TypeDesc& desc) const {
    const std::size_t parts = desc.parts.size();
    switch (desc.kind) {
      case Kind::kMap:
        if (parts != 2) fail("has a map without two types");
        break;
      case Kind::kList:
      case Kind::kSet:
      case Kind::kOptional:
      case Kind::kArray:
      case Kind::kShared:
      case Kind::kSharedMut:
        if (parts != 1) fail("has a container of more than one type");
        break;
      default:
        break;
    }
  }

  // A user's type may itself be a template: "Pair<int, long>". It ends at a comma or bracket outside its own.
  bool plain(TypeDesc& desc) {
    std::size_t end = 0;
    int depth = 0;
    for (; end < rest_.size(); ++end) {
      const char c = rest_[end];
      if (depth == 0 && (c == ',' || c == ')' || c == '>')) break;
      if (c == '<' || c == '(') ++depth;
      if (c == '>' || c == ')') --depth;
    }
    if (end == 0) return false;
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    for (const auto& [text, kind] : kPlain) {
      if (name == text) desc.kind = kind;
    }
    return true;
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) fail("has an array without a length");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  bool try_take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    if (!try_take(text)) fail("lacks \"" + std::string(text) + "\"");
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw std::invalid_argument("signature \"" + std::string(whole_) + "\" " + why);
  }

  std::string_view whole_;
  std::string_view rest_;
};

}  // namespace

int TypeDesc::bits() const noexcept {
  static constexpr std::array<int, 10> kBits{8, 16, 32, 64, 8, 16, 32, 64, 32, 64};
  return is_number() ? kBits[static_cast<std::size_t>(kind)] : 0;
}

std::uint32_t TypeDesc::fixed_bytes() const noexcept {
  constexpr std::uint32_t kLargest = 1u << 20;  // a longer array is better told by its size
  switch (kind) {
    case Kind::kBool:
    case Kind::kChar:
      return 1;
    case Kind::kDuration:
      return 8;
    case Kind::kShared:
    case Kind::kSharedMut:
      return sizeof(sdk::SharedPlace);
    case Kind::kArray: {
      const std::uint64_t each = parts[0].fixed_bytes();
      return each != 0 && length <= kLargest / each ? static_cast<std::uint32_t>(each * length) : 0;
    }
    case Kind::kTuple: {
      std::uint32_t sum = 0;
      for (const TypeDesc& part : parts) {
        const std::uint32_t each = part.fixed_bytes();
        if (each == 0 || sum + each > kLargest) return 0;
        sum += each;
      }
      return sum;
    }
    default:
      return is_number() ? static_cast<std::uint32_t>(bits() / 8) : 0;
  }
}

std::size_t SignatureDesc::required_arguments() const noexcept {
  std::size_t required = parameters.size();
  while (required > 0 && parameters[required - 1].kind == Kind::kOptional) --required;
  return required;
}

SignatureDesc parse_signature(std::string_view text) { return Parser(text).signature(); }

}  // namespace bulkhead::detail
