// expect: for_an_overloaded_or_template_function_write_bulkhead_task
#include <bulkhead/plugin.hpp>

template <class T>
T f(T x) {
  return x;
}
BULKHEAD_PLUGIN("p", "1", f)
