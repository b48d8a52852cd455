// expect: must be default constructible
#include <bulkhead/plugin.hpp>

#include <vector>
struct Point {
  explicit Point(double x_) : x(x_) {}
  double x;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(Point)
int f(const std::vector<Point>& p) { return static_cast<int>(p.size()); }
BULKHEAD_PLUGIN("p", "1", f)
