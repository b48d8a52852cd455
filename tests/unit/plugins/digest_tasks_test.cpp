#include "digest/digest_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "unit/plugins/scratch_folder.hpp"

// Expected values: FIPS 180-4's examples (NIST), RFC 7693 for BLAKE2b, and the check value of the
// CRC-32 catalogue; those of the empty input are the published ones.
namespace {

using plugin_tests::ScratchFolder;

constexpr std::string_view kSha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kSha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kSha256OfMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

std::string million_a() { return std::string(1'000'000, 'a'); }

TEST(Digest, Sha256OfAFileIsNistsExample) {
  const ScratchFolder folder;
  EXPECT_EQ(digest::sha256(folder.write("abc", "abc")), kSha256OfAbc);
  EXPECT_EQ(digest::sha256(folder.write("two", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, Sha512OfAFileIsNistsExample) {
  const ScratchFolder folder;
  EXPECT_EQ(digest::sha512(folder.write("abc", "abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Digest, Blake2bOfAFileIsTheExampleOfRfc7693) {
  const ScratchFolder folder;
  EXPECT_EQ(digest::blake2b(folder.write("abc", "abc")),
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
            "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST(Digest, Crc32OfAFileIsTheCatalogueCheckValue) {
  const ScratchFolder folder;
  EXPECT_EQ(digest::crc32(folder.write("check", "123456789")), 0xCBF43926U);
}

TEST(Digest, AnEmptyFileHasTheDigestOfNothing) {
  const ScratchFolder folder;
  const auto file = folder.write("empty", "");
  EXPECT_EQ(digest::sha256(file), kSha256OfNothing);
  EXPECT_EQ(digest::sha512(file),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
  EXPECT_EQ(digest::blake2b(file),
            "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
            "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce");
  EXPECT_EQ(digest::crc32(file), 0U);
}

TEST(Digest, AFileOfManyBlocksHasTheDigestOfTheWhole) {
  const ScratchFolder folder;
  const auto file = folder.write("million", million_a());
  EXPECT_EQ(digest::sha256(file), kSha256OfMillionA);
  EXPECT_EQ(digest::sha512(file),
            "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
            "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
  EXPECT_EQ(digest::crc32(file), 0xDC25BFBCU);
}

TEST(Digest, BytesHaveTheDigestOfTheSameFile) {
  const std::string text = million_a();
  EXPECT_EQ(digest::sha256_bytes(std::as_bytes(std::span(text))), kSha256OfMillionA);
  EXPECT_EQ(digest::sha256_bytes({}), kSha256OfNothing);
}

TEST(Digest, ADigestAfterAFailedOneStartsAfresh) {
  const ScratchFolder folder;
  const auto file = folder.write("abc", "abc");
  EXPECT_THROW((void)digest::sha256("/proc/self/mem"), std::system_error);
  EXPECT_EQ(digest::sha256(file), kSha256OfAbc);
  EXPECT_EQ(digest::sha256(file), kSha256OfAbc);
}

TEST(Digest, ThreadsDoNotDisturbEachOther) {
  const ScratchFolder folder;
  const auto small = folder.write("abc", "abc");
  const auto large = folder.write("million", million_a());
  constexpr int kRounds = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        if (t % 2 == 0) {
          EXPECT_EQ(digest::sha256(small), kSha256OfAbc);
        } else {
          EXPECT_EQ(digest::sha256(large), kSha256OfMillionA);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Digest, EveryTaskRefusesADirectoryAFifoAndAVanishedFile) {
  const ScratchFolder folder;
  const auto fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {folder.path(), fifo, folder.path() / "gone"}) {
    EXPECT_THROW((void)digest::sha256(path), std::system_error) << path;
    EXPECT_THROW((void)digest::sha512(path), std::system_error) << path;
    EXPECT_THROW((void)digest::blake2b(path), std::system_error) << path;
    EXPECT_THROW((void)digest::crc32(path), std::system_error) << path;
  }
}

}  // namespace
