// How a process begins: the public option's two ways.
#pragma once

#include "bulkhead/options.hpp"

namespace bulkhead::process {

using bulkhead::StartMethod;

}  // namespace bulkhead::process
