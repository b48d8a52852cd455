// expect: a pointer to a polymorphic type cannot be serialised; use std::variant
#include <bulkhead/plugin.hpp>

#include <memory>
struct Shape {
  virtual ~Shape() = default;
  template <class A>
  void serialize(A&) {}
};
struct P {
  std::unique_ptr<Shape> x;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
int f(const P&) { return 0; }
BULKHEAD_PLUGIN("p", "1", f)
