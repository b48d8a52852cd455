// expect: this type is not serialisable; add  template <class A> void serialize(A& a)
#include <bulkhead/plugin.hpp>

struct P {
  int x = 0;
};
BULKHEAD_TYPE(P)
int f(P p) { return p.x; }
BULKHEAD_PLUGIN("p", "1", f)
