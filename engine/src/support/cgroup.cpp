#include "support/cgroup.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace bulkhead::support {

namespace {

namespace fs = std::filesystem;

// A hierarchy that knows of the controller: where this process is in it, and where it is mounted.
struct Group {
  bool is_v2 = false;
  std::string path;  // from the hierarchy's root
};
struct Mount {
  std::string root;  // the group that the mount point shows
  std::string point;
};

bool lists(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const auto comma = std::min(words.find(','), words.size());
    if (words.substr(0, comma) == word) return true;
    words.remove_prefix(std::min(comma + 1, words.size()));
  }
  return false;
}

// "\040" is a space in mountinfo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// Lines "4:cpu,cpuacct:/user.slice" and, of version 2, "0::/user.slice".
std::vector<Group> read_groups(const fs::path& file, std::string_view controller) {
  std::vector<Group> groups;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty() || lists(controllers, controller)) {
      groups.push_back({.is_v2 = controllers.empty(), .path = line.substr(second + 1)});
    }
  }
  return groups;
}

// Lines "36 35 98:0 /group /mount/point rw,noatime shared:1 - cgroup cgroup rw,cpu,cpuacct".
std::vector<Mount> read_mounts(const fs::path& file, bool is_v2, std::string_view controller) {
  std::vector<Mount> mounts;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream front(line.substr(0, dash));
    std::istringstream back(line.substr(dash + 3));
    std::string id, parent, device, root, point, type, source, options;
    if (!(front >> id >> parent >> device >> root >> point) || !(back >> type >> source)) continue;
    back >> options;
    if (is_v2 ? type == "cgroup2" : type == "cgroup" && lists(options, controller)) {
      mounts.push_back({unescaped(root), unescaped(point)});
    }
  }
  return mounts;
}

// The group's place below the mount, "/a/b"; "" where the mount shows something else (a container's view from inside), and
// for what is outside of it, as a process of another control group namespace sees itself.
std::string below_mount(const std::string& group, const std::string& mount_root) {
  const bool is_inside = mount_root == "/" || group == mount_root || group.starts_with(mount_root + "/");
  if (!is_inside) return {};
  std::string inside = mount_root == "/" ? group : group.substr(mount_root.size());
  while (inside.ends_with('/')) inside.pop_back();
  return inside.starts_with('/') && !inside.starts_with("/..") ? inside : std::string();
}

// Below the root, though the path begins with "/".
std::string below(const fs::path& root, const std::string& path) {
  std::string text = root.string();
  while (text.ends_with('/')) text.pop_back();
  return text + path;
}

}  // namespace

std::vector<CgroupFolder> cgroup_folders(std::string_view controller, const fs::path& root) {
  std::vector<CgroupFolder> folders;
  for (const Group& group : read_groups(below(root, "/proc/self/cgroup"), controller)) {
    for (const Mount& mount : read_mounts(below(root, "/proc/self/mountinfo"), group.is_v2, controller)) {
      const std::string top = below(root, mount.point);
      for (std::string inside = below_mount(group.path, mount.root);; inside.erase(inside.rfind('/'))) {
        folders.push_back({top + inside, group.is_v2});
        if (inside.empty()) break;
      }
    }
  }
  return folders;
}

}  // namespace bulkhead::support
