// What the manifest's grammar knows and this version of the engine does not carry out yet.
#pragma once

#include "bulkhead/manifest.hpp"

namespace bulkhead::plugin {

// Throws ManifestError at the first setting that would be without effect: a limit that silently does not hold is worse
// than none.
void refuse_unsupported(const Manifest& manifest);

}  // namespace bulkhead::plugin
