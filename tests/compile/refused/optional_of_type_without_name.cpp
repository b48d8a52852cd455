// expect: BULKHEAD_TYPE
#include <bulkhead/plugin.hpp>

#include <optional>
struct Point {
  double x = 0;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
int f(std::optional<Point> p) { return p ? 1 : 0; }
BULKHEAD_PLUGIN("p", "1", f)
