// Digests of files and of bytes.
//
// Ownership: nothing outlives a call but a read buffer and one hasher per algorithm, per thread.
// Threads:   any.
// Failure:   std::system_error with the path and the reason when a file cannot be opened or read or
// is
//            no regular file; std::runtime_error when OpenSSL refuses.
// A file that changes while it is read has the digest of what was read, in the order it was read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace digest {

// Lowercase hexadecimal, as sha256sum, sha512sum and b2sum print it.
[[nodiscard]] std::string sha256(const std::filesystem::path& path);
[[nodiscard]] std::string sha512(const std::filesystem::path& path);
[[nodiscard]] std::string blake2b(const std::filesystem::path& path);

// The CRC of zlib, gzip and PNG. It finds accidents, not intent.
[[nodiscard]] std::uint32_t crc32(const std::filesystem::path& path);

[[nodiscard]] std::string sha256_bytes(std::span<const std::byte> bytes);

}  // namespace digest
