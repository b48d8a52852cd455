// What a pool is made with, once the program and the manifest have both been asked.
#pragma once

#include <optional>
#include <string>

#include "bulkhead/manifest.hpp"
#include "bulkhead/options.hpp"
#include "pool/local_backend.hpp"

namespace bulkhead::pool {

// The program's word, else the manifest's [pool]; [limits] cap both. What neither says stays unset.
//
// The manifest's initargs are JSON and have no place in PoolOptions: whoever finds the initializer not set by the
// program takes Manifest::initargs with it.
[[nodiscard]] PoolOptions merged(const PoolOptions& program, const Manifest& manifest);

// The manifest's word for a start method; empty: it has none.
[[nodiscard]] std::optional<StartMethod> named_start_method(const Manifest& manifest);

// What `options` say of the pool itself, with the defaults: all but start method, plugins and initializer. Throws
// UsageError for a number that makes no sense.
[[nodiscard]] LocalBackend::Settings checked_settings(const PoolOptions& options);

// Throws UsageError with this text: for a pool's options that make no sense.
[[noreturn]] void refuse_options(std::string text);

}  // namespace bulkhead::pool
