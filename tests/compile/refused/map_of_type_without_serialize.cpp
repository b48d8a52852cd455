// expect: this type is not serialisable; add  template <class A> void serialize(A& a)
#include <bulkhead/plugin.hpp>

#include <map>
#include <string>
struct Secret {
  int x = 0;
};
BULKHEAD_TYPE(Secret)
std::map<std::string, std::vector<Secret>> f() { return {}; }
BULKHEAD_PLUGIN("p", "1", f)
