// expect: write BULKHEAD_TYPE at global scope
#include <bulkhead/plugin.hpp>

namespace n {
struct P {
  int x = 0;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
}  // namespace n
