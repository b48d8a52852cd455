// Items that are files: every regular file below some folders, in bytewise order of their paths, no links followed.
//
// Holds one folder's names for each level it is in, never the whole tree.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "item_source.hpp"

namespace bulkhead::cli {

class Output;

class FileSource final : public ItemSource {
 public:
  struct Options {
    bool counts_bytes = false;           // fills in Item::bytes, one system call a file
    bool counts_ahead = false;           // for fraction(): a thread counts the files
    std::vector<const Output*> results;  // are no items, should they lie below one of the folders
  };
  // A folder that is named may be a link. Throws UsageFailure when one of them cannot be listed.
  FileSource(std::vector<std::string> folders, Options options);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  [[nodiscard]] Next next(Item& item) override;
  [[nodiscard]] std::optional<double> fraction() const override;

 private:
  struct Entry {
    std::string name;  // a folder's ends with '/', which also puts it where its files' paths belong
    ino_t inode;
  };
  struct Level {
    std::string path;  // ends with '/'
    std::vector<Entry> entries;
    std::size_t next = 0;
  };

  // False: it cannot be listed, and errno says why.
  [[nodiscard]] static bool list(const std::string& path, int flags, std::vector<Entry>& entries);
  [[nodiscard]] bool enter(std::string path, int flags);
  [[nodiscard]] bool is_result(const std::string& path, ino_t inode) const;
  void count_all();

  std::vector<std::string> folders_;
  Options options_;
  std::size_t next_folder_ = 0;
  std::vector<Level> levels_;
  std::uint64_t taken_ = 0;
  // relaxed: numbers for a progress bar.
  std::atomic<std::uint64_t> total_ = 0;
  std::atomic<bool> is_counted_ = false;
  std::atomic<bool> must_stop_ = false;
  std::thread counter_;
};

}  // namespace bulkhead::cli
