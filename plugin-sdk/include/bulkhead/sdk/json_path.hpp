// The way from a JSON value's root to the part being read, for errors: `[3].name`.
//
// Ownership: borrows the names, which belong to the document or are literals.
// Threads:   one at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::sdk {

class JsonPath {
 public:
  // One step further, for as long as it lives.
  class Into {
   public:
    Into(JsonPath& path, std::string_view name) : path_(path) { path_.steps_.push_back({name, 0, false}); }
    Into(JsonPath& path, std::size_t index) : path_(path) { path_.steps_.push_back({{}, index, true}); }
    Into(const Into&) = delete;
    Into& operator=(const Into&) = delete;
    ~Into() { path_.steps_.pop_back(); }

   private:
    JsonPath& path_;
  };

  [[nodiscard]] std::string text() const {
    std::string out;
    for (const Step& step : steps_) {
      if (step.is_index) {
        // In pieces: g++ 12 warns of "[" + std::string in optimised code, wrongly.
        out += '[';
        out += std::to_string(step.index);
        out += ']';
      } else {
        if (!out.empty()) out += '.';
        out += step.name;
      }
    }
    return out;
  }

 private:
  struct Step {
    std::string_view name;
    std::size_t index;
    bool is_index;
  };

  std::vector<Step> steps_;
};

}  // namespace bulkhead::sdk
