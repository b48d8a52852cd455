// The ManifestError that reading throws.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "bulkhead/error.hpp"
#include "bulkhead/manifest.hpp"

namespace bulkhead {

struct CaughtManifestError {
  std::string text;
  ManifestError::Info info;
};
template <class Action>
CaughtManifestError manifest_error_of(Action&& action) {
  try {
    action();
  } catch (const ManifestError& error) {
    return {error.what(), error.info()};
  }
  ADD_FAILURE() << "no ManifestError was thrown";
  return {};
}

inline CaughtManifestError error_in(std::string_view toml) {
  SCOPED_TRACE(toml.substr(0, 200));
  return manifest_error_of([&] { (void)parse_manifest(toml, "bulkhead.toml"); });
}

}  // namespace bulkhead
