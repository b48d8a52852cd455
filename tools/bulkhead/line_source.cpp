#include "line_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failures.hpp"
#include "json_text.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kBlockBytes = 256 << 10;
// A call carries 2 GiB at most, and JSON's escapes may double a text.
constexpr std::size_t kMostLineBytes = std::size_t{1} << 30;

}  // namespace

LineSource::LineSource(const std::string& file, char separator, ItemForm form)
    : file_(file == "-" ? "" : file), separator_(separator), form_(form) {
  if (!file_.empty()) {
    fd_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw UsageFailure("cannot read \"" + file_ + "\": " + std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return;
  if (S_ISDIR(status.st_mode)) {
    if (!file_.empty()) ::close(fd_);
    throw UsageFailure("cannot read items from a folder (--files makes its files the items)");
  }
  if (S_ISREG(status.st_mode)) total_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

LineSource::~LineSource() {
  if (!file_.empty()) ::close(fd_);
}

std::optional<double> LineSource::fraction() const {
  if (total_bytes_ == 0) return std::nullopt;
  const auto taken = read_bytes_ - (buffer_.size() - begin_);
  return static_cast<double>(taken) / static_cast<double>(total_bytes_);
}

bool LineSource::is_readable() const {
  pollfd readable{fd_, POLLIN, 0};
  return ::poll(&readable, 1, 0) > 0;
}

void LineSource::read_block() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kBlockBytes);
  ssize_t count = -1;
  do {
    count = ::read(fd_, buffer_.data() + old_size, kBlockBytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(old_size + static_cast<std::size_t>(count < 0 ? 0 : count));
  if (count < 0 && error != EAGAIN) {
    throw IoFailure("cannot read " + (file_.empty() ? std::string("standard input") : '"' + file_ + '"') + ": " +
                    std::strerror(error));
  }
  if (count > 0) read_bytes_ += static_cast<std::uint64_t>(count);
  if (count == 0) is_at_end_ = true;
}

bool LineSource::take(Item& item, std::string_view line) {
  ++line_number_;
  if (form_ == ItemForm::kJson) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos && !is_too_long_) return false;
  }
  item.text.assign(line);
  item.error.clear();
  item.bytes = line.size();
  if (is_too_long_) {
    item.text.clear();
    item.error = "line " + std::to_string(line_number_) + " is longer than 1 GiB";
    is_too_long_ = false;
  } else if (form_ == ItemForm::kJson && !is_json(line)) {
    item.error = "line " + std::to_string(line_number_) + " is not JSON (--lines takes lines as they stand)";
  }
  return true;
}

ItemSource::Next LineSource::next(Item& item) {
  for (;;) {
    const auto at = buffer_.find(separator_, scanned_);
    if (at != std::string::npos) {
      const auto line = std::string_view(buffer_).substr(begin_, at - begin_);
      begin_ = scanned_ = at + 1;
      if (take(item, line)) return Next::kItem;
      continue;
    }
    scanned_ = buffer_.size();
    if (is_at_end_) {
      if (begin_ == buffer_.size() && !is_too_long_) return Next::kEnd;
      const auto line = std::string_view(buffer_).substr(begin_);
      begin_ = buffer_.size();
      if (take(item, line)) return Next::kItem;
      continue;
    }
    if (buffer_.size() - begin_ > kMostLineBytes) is_too_long_ = true;
    if (is_too_long_) begin_ = buffer_.size();
    if (!is_readable()) return Next::kLater;
    read_block();
  }
}

}  // namespace bulkhead::cli
