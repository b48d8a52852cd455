#include "plugin/symbol_name.hpp"

#include <gtest/gtest.h>

namespace bulkhead::plugin {
namespace {

TEST(SymbolName, IsSpelledForPeople) {
  EXPECT_EQ(spelled_for_people("_ZN4shop5priceEi"), "shop::price(int)");
  EXPECT_EQ(spelled_for_people("St12domain_error"), "std::domain_error");
  EXPECT_EQ(spelled_for_people("_ZNSt6vectorISt6vectorIiSaIiEESaIS1_EE17_M_realloc_insertIJRKS1_EEEvN9__gnu_cxx17__"
                               "normal_iteratorIPS1_S3_EEDpOT_")
                .substr(0, 12),
            "void std::ve");
}

TEST(SymbolName, OfNoCompilerStaysAsItIs) {
  EXPECT_EQ(spelled_for_people("main"), "main");
  EXPECT_EQ(spelled_for_people(""), "");
  EXPECT_EQ(spelled_for_people("_Znonsense"), "_Znonsense");
}

TEST(SymbolName, ThatDoublesAndDoublesStaysAsItIs) {
  // Each pair is one of two of the pair before: written out, 2 to the power of 30 of them.
  std::string name = "PFvSt4pairIiiE";
  for (const char c : std::string("0123456789ABCDEFGHIJKLMNOPQRST")) {
    name += std::string("S_IS") + c + "_S" + c + "_E";
  }
  name += 'E';
  EXPECT_EQ(spelled_for_people(name), name);
}

}  // namespace
}  // namespace bulkhead::plugin
