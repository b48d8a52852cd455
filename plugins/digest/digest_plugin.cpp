// Names the tasks of the digest plugin. The tasks themselves are in digest_tasks.cpp.
#include <bulkhead/plugin.hpp>

#include "digest/digest_tasks.hpp"

using bulkhead::task;

BULKHEAD_PLUGIN(
    "digest", "1.0.0", task("sha256", &digest::sha256).doc("the SHA-256 of a file").params("path").idempotent(),
    task("sha512", &digest::sha512).doc("the SHA-512 of a file").params("path").idempotent(),
    task("blake2b", &digest::blake2b).doc("the BLAKE2b-512 of a file").params("path").idempotent(),
    task("crc32", &digest::crc32).doc("the CRC-32 of a file, as gzip's").params("path").idempotent(),
    task("sha256_bytes", &digest::sha256_bytes).doc("the SHA-256 of the bytes themselves").params("bytes").idempotent())
