#include "map_run.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::cli {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t kBytesAhead = std::uint64_t{64} << 20;
constexpr std::uint64_t kChunkBytes = std::uint64_t{256} << 10;
constexpr std::uint64_t kSkippedAtOnce = 4096;
// Lines reach their reader at least this often.
constexpr auto kFlushPause = milliseconds(50);

}  // namespace

MapRun::MapRun(Engine& engine, Pool& pool, ItemSource& source, const ArgumentTemplate& arguments, Output& output,
               MapOutput& results, Progress& progress, Interrupt& interrupt, MapRunOptions options)
    : engine_(engine),
      pool_(pool),
      source_(source),
      arguments_(arguments),
      output_(output),
      results_(results),
      progress_(progress),
      interrupt_(interrupt),
      options_(std::move(options)),
      pace_(std::make_shared<MapPace>(static_cast<std::size_t>(pool.processes()), options_.chunk)) {}

bool MapRun::run() {
  try {
    for (;;) {
      interrupt_.check();
      (void)engine_.dispatch();
      const bool has_collected = collect();
      if (must_stop_) break;
      if (!output_.is_empty() && steady_clock::now() - output_.last_flush() >= kFlushPause) results_.flush();
      const bool has_fed = feed();
      progress_.update(results_.items(), results_.failed(), source_.fraction());
      if (has_all_input_ && sent_.empty()) break;
      if (!has_collected && !has_fed) sleep();
    }
  } catch (...) {
    // Interrupted, or the pool is of no use any more: what is finished is written all the same, in whole lines. When it
    // was the output that failed, the buffer is empty.
    progress_.clear();
    results_.flush();
    throw;
  }
  progress_.clear();
  results_.flush();
  return !must_stop_;
}

bool MapRun::has_room() const { return items_ahead_ < pace_->items_ahead() && bytes_ahead_ < kBytesAhead; }

bool MapRun::feed() {
  bool has_fed = false;
  is_waiting_for_input_ = false;
  while (!has_all_input_ && has_room()) {
    Item item;
    switch (source_.next(item)) {
      case ItemSource::Next::kItem:
        item.index = items_read_++;
        has_fed = true;
        if (results_.skips(item)) {
          // However many there are, Ctrl-C is heard.
          if (items_read_ % kSkippedAtOnce == 0) return true;
        } else {
          add_item(std::move(item));
        }
        continue;
      case ItemSource::Next::kLater:
        is_waiting_for_input_ = true;
        break;
      case ItemSource::Next::kEnd:
        results_.check_input_ended(items_read_);
        has_all_input_ = true;
        break;
    }
    // No item is kept back until others have come.
    send();
    return has_fed;
  }
  return has_fed;
}

void MapRun::add_item(Item item) {
  std::string json;
  if (item.error.empty()) {
    try {
      arguments_.build(json, item.text);
    } catch (const ItemFailure& failure) {
      item.error = failure.what();
      item.bytes = 0;
    }
  }
  // What may be too large to travel does so alone.
  if (json.size() >= kChunkBytes) send();
  if (!next_) next_ = std::make_shared<Chunk>();
  if (item.error.empty()) {
    next_->bytes += json.size();
    bytes_ahead_ += json.size();
    next_->calls.push_back(std::move(json));
  }
  next_->items.push_back(std::move(item));
  ++items_ahead_;
  if (next_->items.size() >= pace_->chunk_items() || next_->bytes >= kChunkBytes) send();
}

void MapRun::send() {
  if (!next_) return;
  ChunkPtr chunk = std::exchange(next_, nullptr);
  chunk->sent = std::chrono::system_clock::now();
  chunk->sent_at = steady_clock::now();
  sent_.push_back(chunk);
  if (chunk->calls.empty()) {
    chunk->is_done = true;
    return;
  }
  try {
    CallOptions<void> options = options_.limits.options();
    options.on_result = [chunk, pace = pace_, items = chunk->calls.size()] {
      chunk->done_at = steady_clock::now();
      chunk->is_done = true;
      pace->note_done(items, chunk->done_at);
    };
    chunk->result = pool_.map_json_async(options_.task, chunk->calls, std::move(options));
  } catch (const PayloadError&) {
    refuse_chunk(*chunk, describe_error(std::current_exception()));
  }
  chunk->calls = {};
}

// Too large to travel. A chunk that large has one call: kChunkBytes ends it.
void MapRun::refuse_chunk(Chunk& chunk, const ItemError& error) {
  for (Item& item : chunk.items) {
    if (item.error.empty()) item.error = error.text;
  }
  chunk.is_done = true;
}

bool MapRun::collect() {
  bool has_collected = false;
  for (auto at = sent_.begin(); at != sent_.end() && !must_stop_;) {
    if (!(*at)->is_done) {
      if (options_.is_ordered) break;
      ++at;
      continue;
    }
    const ChunkPtr chunk = std::move(*at);
    at = sent_.erase(at);
    items_ahead_ -= chunk->items.size();
    bytes_ahead_ -= chunk->bytes;
    write_results(*chunk);
    has_collected = true;
  }
  return has_collected;
}

void MapRun::write_results(Chunk& chunk) {
  if (output_.is_terminal()) progress_.clear();
  std::vector<JsonOutcome> outcomes;
  if (chunk.result.valid()) outcomes = chunk.result.get();
  std::size_t next = 0;
  const ItemTiming timing{.start = chunk.sent,
                          .seconds = std::chrono::duration<double>(chunk.done_at - chunk.sent_at).count()};
  for (Item& item : chunk.items) {
    if (must_stop_) return;
    if (!item.error.empty()) {
      write_error(item, {"InputError", item.error});
      continue;
    }
    item.timing = timing;
    JsonOutcome& outcome = outcomes[next++];
    if (outcome.error) {
      write_error(item, describe_error(outcome.error));
    } else {
      results_.add_result(item, std::move(outcome.result));
    }
  }
}

void MapRun::write_error(const Item& item, const ItemError& error) {
  if (options_.stops_at_error) {
    results_.count_error(item, error);
    must_stop_ = true;
  } else {
    results_.add_error(item, error);
  }
}

void MapRun::sleep() {
  auto limit = progress_.is_shown() ? milliseconds(100) : milliseconds(-1);
  if (!output_.is_empty()) {
    const auto since = std::chrono::duration_cast<milliseconds>(steady_clock::now() - output_.last_flush());
    limit = std::max(kFlushPause - since, milliseconds(0));  // run() flushes
  }
  interrupt_.sleep(interrupt_.notified(), limit,
                   {engine_.event_fd(), is_waiting_for_input_ ? source_.descriptor() : -1});
}

}  // namespace bulkhead::cli
