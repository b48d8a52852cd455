// Manifests: each is refused with a place and words, or what `bulkhead config explain` shows of it means the same again.
#include "bulkhead/error.hpp"
#include "bulkhead/manifest.hpp"
#include "fuzz/fuzzing.hpp"

#include <optional>
#include <string>
#include <string_view>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

std::optional<Manifest> parse(std::string_view text) {
  // Two bytes ("1,") are a node of the parser's of some 200; a key that is not known is compared with those that are.
  const AllocationLimit limit(1024 * text.size() + (256u << 10));
  try {
    return parse_manifest(text, "bulkhead.toml");
  } catch (const ManifestError& error) {
    for (const char c : std::string_view(error.what())) {
      require((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\n', "an error does not obey a manifest");
    }
    return std::nullopt;
  }
}

bool comes_from_manifest(const ExplainedSetting& setting) { return setting.source.starts_with("bulkhead.toml:"); }

// The settings of [pool], [log] and [limits] that the manifest gave, as TOML. (JSON values are no TOML.)
std::string written(const std::vector<ExplainedSetting>& settings) {
  std::string text;
  for (const std::string_view table : {"pool.", "log.", "limits."}) {
    text += '[' + std::string(table.substr(0, table.size() - 1)) + "]\n";
    for (const ExplainedSetting& setting : settings) {
      if (!comes_from_manifest(setting) || !setting.key.starts_with(table)) continue;
      const std::string key = setting.key.substr(table.size());
      // Its plugins need their [[plugin]], its cap is of another table.
      const bool is_of_another = key == "plugins" || setting.source.find("(limits.") != std::string::npos;
      if (key != "initargs" && !is_of_another) text += key + " = " + setting.value + '\n';
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = parse({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  const std::string text = written(explain(*manifest, {}));
  const auto again = parse(text);
  require(again.has_value(), "what is explained can be written");
  require(written(explain(*again, {})) == text, "it means the same");
  return 0;
}
