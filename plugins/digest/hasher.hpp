// One OpenSSL digest, ready to be used again and again.
//
// Ownership: owns the fetched algorithm and its context, so that a small file pays for neither.
// Threads:   one thread at a time; for_this_thread gives each thread its own.
// Failure:   std::runtime_error with OpenSSL's reason, when the algorithm is not offered (a FIPS
//            configuration may withhold one) or memory runs out.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace digest {

enum class Algorithm { kSha256, kSha512, kBlake2b512 };

class Hasher {
 public:
  explicit Hasher(Algorithm algorithm);

  // The calling thread's own hasher of that algorithm, made at its first use.
  [[nodiscard]] static Hasher& for_this_thread(Algorithm algorithm);

  // Forgets everything fed so far, also what a call that failed half-way had fed.
  void start();
  void feed(std::span<const std::byte> bytes);
  // Lowercase hexadecimal. Call start() before feeding again.
  [[nodiscard]] std::string finish_as_hex();

 private:
  struct FreeAlgorithm {
    void operator()(EVP_MD* algorithm) const noexcept { EVP_MD_free(algorithm); }
  };
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };

  std::unique_ptr<EVP_MD, FreeAlgorithm> algorithm_;
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

}  // namespace digest
