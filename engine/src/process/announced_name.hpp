// A doorbell's name that the warden removes should this process vanish.
//
// Ownership: the warden knows the name while this lives, or until forget(). Goes after whoever makes and removes the name
//            itself, so that there is no moment in which nobody would.
// Threads:   those of Warden::announce_name().
#pragma once

#include <string>
#include <utility>

#include "process/warden_client.hpp"

namespace bulkhead::process {

class AnnouncedName {
 public:
  // Throws std::bad_alloc.
  AnnouncedName(Warden& warden, std::string name) : warden_(&warden), name_(std::move(name)) {
    warden.announce_name(name_);
  }
  ~AnnouncedName() { forget(); }
  AnnouncedName(const AnnouncedName&) = delete;
  AnnouncedName& operator=(const AnnouncedName&) = delete;

  // Twice does nothing.
  void forget() noexcept {
    if (warden_ != nullptr) std::exchange(warden_, nullptr)->forget_name(name_);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  Warden* warden_;
  const std::string name_;
};

}  // namespace bulkhead::process
