// expect: a raw pointer cannot be serialised
#include <bulkhead/plugin.hpp>

struct P {
  int* x = nullptr;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
int f(P) { return 0; }
BULKHEAD_PLUGIN("p", "1", f)
