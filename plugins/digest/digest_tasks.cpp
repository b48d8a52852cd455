#include "digest/digest_tasks.hpp"

#include <zlib.h>

#include "digest/hasher.hpp"
#include "support/regular_file.hpp"

namespace digest {
namespace {

std::string digest_of_file(Algorithm algorithm, const std::filesystem::path& path) {
  Hasher& hasher = Hasher::for_this_thread(algorithm);
  hasher.start();
  plugin_support::read_blocks(path, [&](std::span<const std::byte> block) { hasher.feed(block); });
  return hasher.finish_as_hex();
}

}  // namespace

std::string sha256(const std::filesystem::path& path) { return digest_of_file(Algorithm::kSha256, path); }

std::string sha512(const std::filesystem::path& path) { return digest_of_file(Algorithm::kSha512, path); }

std::string blake2b(const std::filesystem::path& path) { return digest_of_file(Algorithm::kBlake2b512, path); }

std::uint32_t crc32(const std::filesystem::path& path) {
  uLong crc = ::crc32_z(0, nullptr, 0);
  plugin_support::read_blocks(path, [&](std::span<const std::byte> block) {
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(block.data()), block.size());
  });
  // uLong is wider than the 32 bits it carries.
  return static_cast<std::uint32_t>(crc);
}

std::string sha256_bytes(std::span<const std::byte> bytes) {
  Hasher& hasher = Hasher::for_this_thread(Algorithm::kSha256);
  hasher.start();
  hasher.feed(bytes);
  return hasher.finish_as_hex();
}

}  // namespace digest
