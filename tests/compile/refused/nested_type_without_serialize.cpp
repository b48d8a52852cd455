// expect: this type is not serialisable; add  template <class A> void serialize(A& a)
#include <bulkhead/plugin.hpp>

struct P {
  int x = 0;
};
BULKHEAD_TYPE(P)
int f(std::map<std::string, std::vector<P>> p) { return static_cast<int>(p.size()); }
BULKHEAD_PLUGIN("p", "1", f)
