// How a worker begins: the public option.
#pragma once

#include "bulkhead/options.hpp"

namespace bulkhead::process {

using bulkhead::StartMethod;

}  // namespace bulkhead::process
