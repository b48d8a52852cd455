#include "job_log.hpp"

#include <openssl/sha.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "failures.hpp"
#include "json_text.hpp"

namespace bulkhead::cli {

namespace {

// "2026-01-31T12:00:00.000Z"
std::string text_of_time(std::chrono::system_clock::time_point time) {
  const std::time_t whole = std::chrono::system_clock::to_time_t(time);
  const auto thousandths =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 40> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(thousandths));
  return text.data();
}

}  // namespace

JobLog::JobLog(const std::string& file) : name_(file), file_(file, Output::Contents::kKept) {
  if (!file_.is_regular_file()) throw UsageFailure("the job log \"" + file + "\" is not a regular file");
  if (::flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw UsageFailure("another bulkhead map writes the job log \"" + file + "\" (wait for it, or name another)");
  }
}

std::string JobLog::text() const {
  std::string text;
  std::array<char, 65536> block;
  for (;;) {
    const auto count = ::pread(file_.descriptor(), block.data(), block.size(), static_cast<off_t>(text.size()));
    if (count == 0) return text;
    if (count > 0) {
      text.append(block.data(), static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      throw IoFailure("cannot read the job log \"" + name_ + "\": " + std::strerror(errno));
    }
  }
}

bool JobLog::ends_whole() const {
  if (file_.end() == 0) return true;
  char last = 0;
  return ::pread(file_.descriptor(), &last, 1, static_cast<off_t>(file_.end() - 1)) != 1 || last == '\n';
}

void JobLog::begin(const std::string& identity, bool is_resumed) {
  // A line that was torn stays a line of its own; nobody reads what lies before a run that begins anew.
  if (!ends_whole()) file_.add_line({});
  file_.add_line("{\"run\":" + identity + ",\"resumed\":" + (is_resumed ? "true" : "false") + ",\"started\":\"" +
                 text_of_time(std::chrono::system_clock::now()) + "\"}");
  file_.flush();
  file_.sync();
}

void JobLog::add(const LogEntry& entry) {
  const Item& item = *entry.item;
  std::string& line = file_.buffer();
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016" PRIx64, item_hash(item.text));
  line += "{\"item\":" + std::to_string(item.index) + ",\"sha256\":\"" + hash.data() + "\",\"status\":";
  if (entry.error_type.empty()) {
    line += "\"ok\"";
  } else {
    line += "\"failed\",\"error\":";
    append_text(line, entry.error_type);
  }
  if (item.timing) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.6f", item.timing->seconds);
    line += ",\"start\":\"" + text_of_time(item.timing->start) + "\",\"seconds\":" + seconds.data();
  }
  if (entry.end) line += ",\"end\":" + std::to_string(*entry.end);
  line += "}\n";
}

void JobLog::add_assembled(std::uint64_t size) {
  file_.add_line("{\"assembled\":" + std::to_string(size) + "}");
  file_.flush();
  file_.sync();
}

std::uint64_t item_hash(const std::string& text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < sizeof hash; ++i) hash = hash << 8 | digest[i];
  return hash;
}

}  // namespace bulkhead::cli
