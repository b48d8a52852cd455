#include <bulkhead/plugin.hpp>

struct P {
  int x = 0;
  P() = default;
  P(P&&) = default;
  P& operator=(P&&) = default;
  template <class A>
  void serialize(A& a) {
    a(x);
  }
};
BULKHEAD_TYPE(P)
int f(const P& p) { return p.x; }
P g(int x) {
  P p;
  p.x = x;
  return p;
}
int h(P p) { return p.x; }
BULKHEAD_PLUGIN("p", "1", f, g, h)
