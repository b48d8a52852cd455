// expect: write BULKHEAD_TYPE(T) after it, at global scope
#include <bulkhead/plugin.hpp>

struct P {
  int x = 0;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
int f(P p) { return p.x; }
BULKHEAD_PLUGIN("p", "1", f)
