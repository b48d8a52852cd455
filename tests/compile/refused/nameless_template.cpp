// expect: write bulkhead::task("name", &function) for templates, lambdas and operators
#include <bulkhead/plugin.hpp>

template <class T>
T f(T x) {
  return x;
}
BULKHEAD_PLUGIN("p", "1", f<int>)
