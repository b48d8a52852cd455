// An engine with what the fault tests call.
#pragma once

#include "../engine/engine_fixture.hpp"

namespace bulkhead::test {

[[nodiscard]] inline Engine make_fault_engine(EngineOptions options = {}) {
  return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("misbehave"), fixture_plugin("faults")},
                              std::move(options));
}

}  // namespace bulkhead::test
