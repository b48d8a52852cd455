#include "digest/hasher.hpp"

#include <openssl/err.h>

#include <array>
#include <new>
#include <stdexcept>

namespace digest {
namespace {

const char* openssl_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kSha256:
      return "SHA2-256";
    case Algorithm::kSha512:
      return "SHA2-512";
    case Algorithm::kBlake2b512:
      return "BLAKE2B-512";
  }
  throw std::invalid_argument("cannot name a digest: unknown algorithm");
}

void require(bool is_done, const std::string& doing) {
  if (is_done) return;
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  // What is left in this thread's queue would be taken for the reason of a later failure.
  ERR_clear_error();
  throw std::runtime_error("cannot " + doing + ": OpenSSL says \"" + (reason == nullptr ? "no reason given" : reason) +
                           "\"");
}

}  // namespace

Hasher::Hasher(Algorithm algorithm)
    // Fetched once: an implicit fetch at each start looks the name up under OpenSSL's locks.
    : algorithm_(EVP_MD_fetch(nullptr, openssl_name(algorithm), nullptr)), context_(EVP_MD_CTX_new()) {
  require(algorithm_ != nullptr, std::string("get the digest ") + openssl_name(algorithm));
  if (context_ == nullptr) throw std::bad_alloc();
}

Hasher& Hasher::for_this_thread(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kSha256: {
      thread_local Hasher hasher(Algorithm::kSha256);
      return hasher;
    }
    case Algorithm::kSha512: {
      thread_local Hasher hasher(Algorithm::kSha512);
      return hasher;
    }
    case Algorithm::kBlake2b512: {
      thread_local Hasher hasher(Algorithm::kBlake2b512);
      return hasher;
    }
  }
  throw std::invalid_argument("cannot get a hasher: unknown algorithm");
}

void Hasher::start() { require(EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1, "start a digest"); }

void Hasher::feed(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "go on with a digest");
}

std::string Hasher::finish_as_hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size_bytes = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size_bytes) == 1, "finish a digest");
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex(std::size_t{size_bytes} * 2, '\0');
  for (std::size_t i = 0; i < size_bytes; ++i) {
    hex[2 * i] = kDigits[digest[i] >> 4];
    hex[2 * i + 1] = kDigits[digest[i] & 0xF];
  }
  return hex;
}

}  // namespace digest
