// expect: needs a constructor without parameters or one that takes PluginContext&
#include <bulkhead/plugin.hpp>

struct S {
  explicit S(int);
  int operator()(int x) { return x; }
};
BULKHEAD_PLUGIN("p", "1", bulkhead::task<S>("s"))
