#include "pool/initializer.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "bulkhead/error.hpp"
#include "bulkhead/init_args.hpp"
#include "bulkhead/sdk/abi.h"
#include "plugin/private_copy.hpp"

namespace bulkhead::pool {

std::shared_ptr<const process::Initializer> make_initializer(const TaskDirectory& directory, const std::string& task,
                                                             const InitArgs& arguments,
                                                             const std::optional<std::string>& json) {
  const detail::TaskInfo& info = directory.at(task);
  auto made = std::make_shared<process::Initializer>();
  made->task = info.name;
  made->task_index = info.index;
  std::vector<std::byte> encoded;
  std::span<const std::byte> bytes;
  if (!arguments.encode() && json) {
    if ((info.codecs & BULKHEAD_CODEC_JSON) == 0) {
      detail::raise<PayloadError>("the initializer \"" + info.name +
                                  "\" does not speak JSON, so the manifest's \"initargs\" cannot be sent to it (its "
                                  "plugin was built without it)");
    }
    made->codec = BULKHEAD_CODEC_JSON;
    bytes = std::as_bytes(std::span(*json));
  } else {
    if ((info.codecs & BULKHEAD_CODEC_BINARY) == 0) {
      detail::raise<PayloadError>("the initializer \"" + info.name +
                                  "\" does not speak the binary form (its plugin was built without it)");
    }
    made->codec = BULKHEAD_CODEC_BINARY;
    (arguments.encode() ? arguments : args()).encode()(info, encoded);
    bytes = encoded;
  }
  made->arguments = plugin::make_private_copy(bytes, "bulkhead-initargs");
  made->arguments_bytes = bytes.size();
  return made;
}

}  // namespace bulkhead::pool
