#include "plugin/sha256.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <vector>

#include "bulkhead/error.hpp"
#include "support/system_error.hpp"

namespace bulkhead::plugin {

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_) throw std::bad_alloc();
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }

  void add(std::span<const std::byte> bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }

  std::string hex() {
    std::array<unsigned char, 32> digest{};
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    std::string text;
    for (const unsigned char byte : digest) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }

 private:
  static void check(int ok) {
    if (ok != 1) {
      detail::raise<ResourceError>("cannot compute SHA-256: OpenSSL offers none (check its configuration)",
                                   {.resource = "sha256", .hint = "check OpenSSL's configuration"});
    }
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

std::string sha256_hex_of_fd(int fd) {
  constexpr std::size_t kChunkBytes = 256 * 1024;
  std::vector<std::byte> chunk(kChunkBytes);
  Sha256 hash;
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) support::raise_system_error(errno, "read a plugin's file", "files");
    if (got == 0) return hash.hex();
    hash.add(std::span(chunk).first(static_cast<std::size_t>(got)));
    offset += got;
  }
}

bool is_sha256_hex(std::string_view text) noexcept {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

}  // namespace bulkhead::plugin
