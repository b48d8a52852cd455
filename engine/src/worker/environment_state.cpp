#include "worker/environment_state.hpp"

#include <unistd.h>

#include <algorithm>

namespace bulkhead::worker {

EnvironmentState::EnvironmentState() {
  std::size_t text_bytes = 0;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    texts_.emplace_back(*entry);
    expected_.push_back(*entry);
    text_bytes += texts_.back().size() + 1;
  }
  expected_.push_back(nullptr);
  given_ = std::make_unique<char*[]>(expected_.size() + text_bytes / sizeof(char*) + 1);
}

// Code that runs after this, at exit, may look for variables.
EnvironmentState::~EnvironmentState() {
  if (is_given_) static_cast<void>(given_.release());
}

// A pointer that is not the one from before may lead nowhere: it is not followed.
bool EnvironmentState::is_changed() const noexcept {
  if (environ == nullptr) return !texts_.empty();
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    if (environ[i] != expected_[i]) return true;
    if (i < texts_.size() && texts_[i] != expected_[i]) return true;
  }
  return false;
}

void EnvironmentState::put_back() noexcept {
  if (!is_changed()) return;
  auto* text = reinterpret_cast<char*>(&given_[expected_.size()]);
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    expected_[i] = given_[i] = text;
    text = std::copy_n(texts_[i].c_str(), texts_[i].size() + 1, text);
  }
  given_[texts_.size()] = nullptr;
  environ = given_.get();
  is_given_ = true;
}

}  // namespace bulkhead::worker
