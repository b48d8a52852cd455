// The template from which workers are forked that already have the pool's plugins.

#include <algorithm>

#include "pool/local_backend.hpp"
#include "process/template.hpp"

namespace bulkhead::pool {

namespace {
// Templates are killed from outside, or by a plugin that does not bear it. Workers load the plugins themselves then.
constexpr std::uint32_t kMostTemplatesLost = 5;
}  // namespace

// Asks for one when a worker is replaced or added for the first time: until then nobody would gain by it. nullptr: there is
// none, or none yet. The pump thread.
std::shared_ptr<process::Template> LocalBackend::template_for_start() {
  const bool is_wanted = settings_.preload && settings_.start_method == StartMethod::kForkserver && has_started_first_;
  if (!is_wanted) return nullptr;
  if (template_ != nullptr && template_->is_over()) {
    if (const auto plugin = template_->blamed()) {
      not_preloaded_.push_back(*plugin);
    } else {
      ++templates_lost_;
    }
    retire_template();
  }
  if (template_ != nullptr && template_->config() != config_) retire_template();
  if (template_ == nullptr && templates_lost_ < kMostTemplatesLost && has_preloadable()) {
    templates_.push_back(std::make_shared<process::Template>(*services_.loop, *services_.warden, *services_.log,
                                                             config_, not_preloaded_));
    template_ = templates_.back().get();
  }
  return template_ != nullptr && template_->is_ready() ? templates_.back() : nullptr;
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
