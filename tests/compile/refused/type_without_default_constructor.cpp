// expect: must be default constructible
#include <bulkhead/plugin.hpp>

struct P {
  int x;
  explicit P(int v) : x(v) {}
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
int f(P p) { return p.x; }
BULKHEAD_PLUGIN("p", "1", f)
