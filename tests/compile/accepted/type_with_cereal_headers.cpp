// A type whose author includes cereal's own headers for standard types: our forms still apply,
// theirs fill the gaps.
#include <bulkhead/plugin.hpp>

#include <cereal/types/complex.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>

struct P {
  std::vector<std::pair<int, std::string>> pairs;
  std::map<std::string, std::unique_ptr<int>> owned;
  std::complex<double> z;
  template <class A>
  void serialize(A& a) {
    a(CEREAL_NVP(pairs), CEREAL_NVP(owned), CEREAL_NVP(z));
  }
};
BULKHEAD_TYPE(P)
double f(const P& p) { return p.z.real(); }
BULKHEAD_PLUGIN("p", "1", f)
