// expect: a member function needs an object; write bulkhead::task<Class>("name")
#include <bulkhead/plugin.hpp>

struct S {
  int f(int x) { return x; }
};
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &S::f))
