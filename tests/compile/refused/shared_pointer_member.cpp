// expect: shared_ptr and weak_ptr cannot be serialised
#include <bulkhead/plugin.hpp>

#include <memory>
struct P {
  std::shared_ptr<int> x;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
int f(P) { return 0; }
BULKHEAD_PLUGIN("p", "1", f)
