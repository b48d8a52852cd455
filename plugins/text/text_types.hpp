// The types of the text plugin's results as they cross to the host: what plugin and hosts share.
#pragma once

#include <bulkhead/types.hpp>

#include "text/grep.hpp"

namespace text {

template <class Archive>
void serialize(Archive& archive, Match& match) {
  archive(cereal::make_nvp("line", match.line), cereal::make_nvp("text", match.text));
}

}  // namespace text
BULKHEAD_TYPE(text::Match)
