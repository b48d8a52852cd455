// Whether the manifest's names lead to something, once the plugins are known.
#pragma once

#include "bulkhead/manifest.hpp"
#include "plugin/catalogue.hpp"

namespace bulkhead::plugin {

// Throws ManifestError, with the nearest names, for a [task.…] table or a pool's initializer or
// plugin that the catalogue does not have: it would be without effect, in silence.
void check_names(const Manifest& manifest, const Catalogue& catalogue);

}  // namespace bulkhead::plugin
