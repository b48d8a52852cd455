// User types of the SDK's tests, shared by the tests and their plugins: one for each way cereal
// knows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <bulkhead/types.hpp>

namespace zoo {

// Names its members.
struct Point {
  double x = 0;
  double y = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(x), CEREAL_NVP(y));
  }
  bool operator==(const Point&) const = default;
};

// Lists its members in a free function, contains itself.
struct Tree {
  int value = 0;
  std::vector<Tree> children = {};
  bool operator==(const Tree&) const = default;
};
template <class Archive>
void serialize(Archive& archive, Tree& tree) {
  archive(tree.value, tree.children);
}

// save and load, and a chain of owning pointers.
struct Chain {
  int value = 0;
  std::unique_ptr<Chain> next = {};
  template <class Archive>
  void save(Archive& archive) const {
    archive(value, next);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(value, next);
  }
};

// Stands for one number.
struct Celsius {
  double degrees = 0;
  template <class Archive>
  double save_minimal(const Archive&) const {
    return degrees;
  }
  template <class Archive>
  void load_minimal(const Archive&, const double& value) {
    degrees = value;
  }
  bool operator==(const Celsius&) const = default;
};

// With a version, a base class and a C array.
struct Base {
  std::string name = "base";
  template <class Archive>
  void serialize(Archive& archive, const std::uint32_t) {
    archive(CEREAL_NVP(name));
  }
  bool operator==(const Base&) const = default;
};
struct Derived : Base {
  int numbers[3] = {1, 2, 3};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Base>(this), CEREAL_NVP(numbers));
  }
  bool operator==(const Derived&) const = default;
};

// Names one member and not the other.
struct Mixed {
  int a = 1;
  int b = 2;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(a), b);
  }
};

// Visits itself without end.
struct Endless {
  template <class Archive>
  void serialize(Archive& archive) {
    archive(*this);
  }
};

enum class Colour : std::uint8_t { kRed, kGreen };

}  // namespace zoo

BULKHEAD_TYPE(zoo::Point)
BULKHEAD_TYPE(zoo::Tree)
BULKHEAD_TYPE(zoo::Chain)
BULKHEAD_TYPE(zoo::Celsius)
BULKHEAD_TYPE(zoo::Derived)
BULKHEAD_TYPE(zoo::Mixed)
BULKHEAD_TYPE(zoo::Endless)
