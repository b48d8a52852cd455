// Files that are no usable plugins: one sentence, exit code 3.
#include <sys/stat.h>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

class PluginOption : public CommandTest {
 protected:
  void expect_refused(const std::string& file, const std::string& says) const {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"tasks", "-p", file}, {"call", "-p", file, "some.task"}, {"map", "-p", file, "some.task"}}) {
      expect_one_error(run(words, "1\n"), 3, says);
    }
  }
  [[nodiscard]] static std::string malformed(const std::string& name) {
    return std::string(BULKHEAD_MALFORMED_PLUGINS) + "/" + name + ".so";
  }
};

TEST_F(PluginOption, RefusesAMissingFile) { expect_refused(path("missing.so"), "missing.so"); }

TEST_F(PluginOption, RefusesATruncatedFile) {
  const auto whole = read_file(fixture("echo"));
  expect_refused(write("cut.so", whole.substr(0, whole.size() / 2)), "cut.so");
  expect_refused(write("empty.so", ""), "empty.so");
}

TEST_F(PluginOption, RefusesAForeignArchitecture) {
  auto foreign = read_file(fixture("echo"));
  constexpr std::size_t kMachine = 18;  // e_machine of the ELF header
  ASSERT_GT(foreign.size(), kMachine);
  foreign[kMachine] = static_cast<char>(243);  // RISC-V
  expect_refused(write("foreign.so", foreign), "foreign.so");
}

TEST_F(PluginOption, RefusesWhatIsNoPlugin) {
  expect_refused(malformed("not_a_plugin"), "not_a_plugin.so");
  expect_refused(write("text.so", "just text\n"), "text.so");
}

TEST_F(PluginOption, RefusesAnotherAbi) { expect_refused(malformed("wrong_abi"), "ABI"); }

TEST_F(PluginOption, RefusesAFifoWithoutWaitingForAWriter) {
  const auto fifo = path("fifo.so");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_refused(fifo, "fifo.so");
}

TEST_F(PluginOption, RefusesAFolder) { expect_refused(path(""), "it is a directory"); }

TEST_F(PluginOption, RefusesOneThatDiesWhileItIsLoaded) {
  expect_refused(malformed("aborts_on_load"), "aborts_on_load.so");
}

}  // namespace
}  // namespace bulkhead::test
