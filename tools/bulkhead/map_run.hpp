// The main loop of a map: keeps workers supplied a bounded way ahead, and writes results as they are due.
//
// Ownership: refers to what it is given; results still under way when it is destroyed are dropped.
// Threads:   all work is done by the caller of run(); the engine must be one whose callbacks run there too (kManual).
#pragma once

#include <bulkhead/engine.hpp>
#include <bulkhead/pool.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "argument_template.hpp"
#include "call_limits.hpp"
#include "interrupt.hpp"
#include "item_source.hpp"
#include "map_output.hpp"
#include "map_pace.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace bulkhead::cli {

struct MapRunOptions {
  std::string task;
  std::optional<int> chunk;  // items that travel together; unset: by how long they take
  bool is_ordered = true;
  bool stops_at_error = false;
  CallLimits limits;
};

class MapRun {
 public:
  MapRun(Engine& engine, Pool& pool, ItemSource& source, const ArgumentTemplate& arguments, Output& output,
         MapOutput& results, Progress& progress, Interrupt& interrupt, MapRunOptions options);

  // True: all items are done. False: one failed, and that was to be the end.
  // Throws Interrupted, OutputClosed, IoFailure, and what makes the pool useless; all lines are whole in any case.
  [[nodiscard]] bool run();

 private:
  struct Chunk {
    std::vector<Item> items;         // with those that never became a call
    std::vector<std::string> calls;  // arguments; emptied when they were sent
    std::uint64_t bytes = 0;         // of the arguments
    std::chrono::system_clock::time_point sent;
    std::chrono::steady_clock::time_point sent_at;
    std::chrono::steady_clock::time_point done_at;
    AsyncResult<std::vector<JsonOutcome>> result;
    bool is_done = false;
  };
  using ChunkPtr = std::shared_ptr<Chunk>;

  // Each says whether anything was done.
  [[nodiscard]] bool feed();
  [[nodiscard]] bool collect();

  [[nodiscard]] bool has_room() const;
  void add_item(Item item);
  void send();
  void refuse_chunk(Chunk& chunk, const ItemError& error);
  void write_results(Chunk& chunk);
  void write_error(const Item& item, const ItemError& error);
  void sleep();

  Engine& engine_;
  Pool& pool_;
  ItemSource& source_;
  const ArgumentTemplate& arguments_;
  Output& output_;
  MapOutput& results_;
  Progress& progress_;
  Interrupt& interrupt_;
  MapRunOptions options_;

  std::shared_ptr<MapPace> pace_;  // also of callbacks, which may run when this object is gone
  ChunkPtr next_;                  // being filled
  std::deque<ChunkPtr> sent_;      // oldest first
  std::uint64_t items_read_ = 0;
  std::size_t items_ahead_ = 0;
  std::uint64_t bytes_ahead_ = 0;
  bool is_waiting_for_input_ = false;
  bool has_all_input_ = false;
  bool must_stop_ = false;
};

}  // namespace bulkhead::cli
