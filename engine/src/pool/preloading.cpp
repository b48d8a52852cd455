// The template from which workers are forked that already have the pool's plugins.

#include <algorithm>
#include <exception>
#include <string>

#include "pool/local_backend.hpp"
#include "process/template.hpp"

namespace bulkhead::pool {

namespace {
// Templates are killed from outside, or by a plugin that does not bear it. Workers load the plugins themselves then.
constexpr std::uint32_t kMostTemplatesLost = 5;
}  // namespace

// Wants one when a worker is replaced or added for the first time: until then nobody would gain by it. nullptr: there is
// none, or none yet. The pump thread.
std::shared_ptr<process::Template> LocalBackend::template_for_start() {
  if (!settings_.preload || settings_.start_method != StartMethod::kForkserver || !has_started_first_) return nullptr;
  if (template_ != nullptr && template_->is_over()) {
    if (const auto plugin = template_->blamed()) {
      not_preloaded_.push_back(*plugin);
    } else {
      ++templates_lost_;
    }
    retire_template();
  }
  if (template_ != nullptr && template_->config() != config_) retire_template();
  is_template_wanted_ = template_ == nullptr && templates_lost_ < kMostTemplatesLost && has_preloadable();
  return template_ != nullptr && template_->is_ready() ? templates_.back() : nullptr;
}

// Once the worker that was in a hurry is ready: two processes that load the same plugins would only hold each other up.
void LocalBackend::make_wanted_template() noexcept {
  if (!is_template_wanted_ || is_ending_) return;
  is_template_wanted_ = false;
  try {
    templates_.push_back(std::make_shared<process::Template>(*services_.loop, *services_.warden, *services_.log,
                                                             config_, not_preloaded_));
    template_ = templates_.back().get();
  } catch (const std::exception& error) {  // workers load the plugins themselves
    services_.log->debug(std::string("no template: ") + error.what());
  }
}

bool LocalBackend::has_preloadable() const noexcept {
  for (std::size_t i = 0; i < config_->plugins.size(); ++i) {
    if (!config_->plugins[i].is_left_out && std::ranges::find(not_preloaded_, i) == not_preloaded_.end()) return true;
  }
  return false;
}

void LocalBackend::retire_template() {
  template_ = nullptr;
  services_.loop->post([this] { drop_templates(); });
}

// Those that no worker holds. Not called from within one of them.
void LocalBackend::drop_templates() noexcept {
  std::erase_if(templates_, [this](const auto& one) { return one.get() != template_ && one.use_count() == 1; });
}

}  // namespace bulkhead::pool
