// Runs the items of a call: bytes to arguments, the task, its result to bytes, for either codec.
//
// Ownership: everything belongs to one item and goes before the next begins.
// Threads:   the worker's one.
// Nothing unwinds out but a forced unwind (pthread_exit); every other failure is told and becomes
// an outcome.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <cxxabi.h>

#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/callable.hpp>
#include <bulkhead/sdk/failure.hpp>
#include <bulkhead/sdk/json_archive.hpp>

namespace bulkhead::sdk {

// Result bytes straight into the worker's memory, in as many reserve/commit rounds as they take.
class CallSink final : public ByteSink {
 public:
  explicit CallSink(const bulkhead_call* call) : call_(call) {}

  void hold(const SharedRef& ref) override {
    constexpr std::size_t kNeeded = offsetof(bulkhead_call, share) + sizeof call_->share;
    if (call_->size < kNeeded || call_->share == nullptr) {
      throw EncodeError("a result cannot be a shared array here (the worker is too old for it)");
    }
    if (call_->share(call_->self, ref.id, ref.fd, ref.bytes, ref.is_writable ? 1 : 0) != 0) {
      throw EncodeError("the host cannot take a shared array of " + std::to_string(ref.bytes) +
                        " bytes (its log says why)");
    }
  }

  // Commits what was put since the last round. Requires: nothing is put after it.
  void finish() {
    if (cursor_ != begin_) call_->commit(call_->self, static_cast<std::size_t>(cursor_ - begin_));
  }

 private:
  void grow(std::size_t size) override {
    const auto used = static_cast<std::size_t>(cursor_ - begin_);
    if (used != 0) call_->commit(call_->self, used);
    written_before_ += used;
    begin_ = cursor_ = end_ = nullptr;
    std::size_t wanted = std::max(size, chunk_);
    void* room = call_->reserve(call_->self, wanted);
    if (room == nullptr && wanted != size) {
      wanted = size;  // the chunk was only a guess
      room = call_->reserve(call_->self, wanted);
    }
    if (room == nullptr) {
      throw EncodeError("the result is too large: there is no room for " + std::to_string(size) +
                        " bytes after the first " + std::to_string(written_before_));
    }
    begin_ = cursor_ = static_cast<std::byte*>(room);
    end_ = begin_ + wanted;
    chunk_ = std::min<std::size_t>(chunk_ * 2, 64 * 1024);
  }

  const bulkhead_call* call_;
  std::size_t chunk_ = 256;
};

// Cuts the `in` of invoke_batch into items.
class ItemCutter {
 public:
  ItemCutter(std::span<const std::byte> bytes, std::uint64_t stride) : bytes_(bytes), stride_(stride) {}

  // Puts the next item into `item`. False: the bytes end early.
  bool try_next(std::span<const std::byte>& item) {
    std::uint64_t size = stride_;
    if (stride_ == 0) {
      std::uint32_t prefix = 0;
      if (bytes_.size() < sizeof prefix) return false;
      std::memcpy(&prefix, bytes_.data(), sizeof prefix);
      bytes_ = bytes_.subspan(sizeof prefix);
      size = prefix;
    }
    if (size > bytes_.size()) return false;
    item = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(item.size());
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t stride_;
};

// The arguments of one call, from JSON: an array by position or an object by name; trailing
// optionals may be missing.
template <class... Stored>
void read_json_arguments(std::string_view json, std::tuple<Stored...>& arguments,
                         [[maybe_unused]] std::span<const std::string_view> names) {
  const JsonDocument document(json);
  constexpr std::size_t kCount = sizeof...(Stored);
  const bool is_object = document.kind(0) == JsonKind::kObject;
  if (!is_object && document.kind(0) != JsonKind::kArray) {
    throw DecodeError("the arguments are neither an array nor an object");
  }
  if (is_object && names.size() != kCount) {
    throw DecodeError(
        "arguments by name need the parameters' names: add .params(...) to the task, or pass an "
        "array");
  }
  if (!is_object && document.count(0) > kCount) {
    throw DecodeError("the task takes " + std::to_string(kCount) + " arguments, got " +
                      std::to_string(document.count(0)));
  }
  std::size_t index = 0;
  std::size_t found = 0;
  JsonIndex element = 1;
  [[maybe_unused]] const auto read_one = [&]<class T>(T& argument) {
    const std::string name =
        is_object ? "argument \"" + std::string(names[index]) + "\"" : "argument " + std::to_string(index + 1);
    JsonIndex node = 0;
    if (is_object) {
      node = document.find(0, names[index]);
    } else if (index < document.count(0)) {
      node = element;
      element = document.next(element);
    }
    ++index;
    if (node != 0) {
      ++found;
      JsonReader(document, node, name).read(argument);
    } else if constexpr (!is_optional<T>) {
      throw DecodeError(name + " is missing");
    }
  };
  std::apply([&](auto&... argument) { (read_one(argument), ...); }, arguments);
  if (found == document.count(0)) return;
  JsonIndex key = 1;
  for (std::uint32_t i = 0; i < document.count(0); ++i, key = document.next(key + 1)) {
    if (std::find(names.begin(), names.end(), document.text(key)) == names.end()) {
      throw DecodeError("the task has no parameter \"" + std::string(document.text(key)) + "\"");
    }
  }
}

template <class P>
struct Arguments;
template <class... P>
struct Arguments<TypeList<P...>> {
  using Stored = std::tuple<stored_t<P>...>;
};

// Calls `function` with what is in `stored`, and the context if it takes one.
template <bool HasContext, class... P, class F, class Stored, std::size_t... I>
decltype(auto) call_with(F& function, Stored& stored, TaskContext& context, TypeList<P...>, std::index_sequence<I...>) {
  if constexpr (HasContext) {
    return function(pass<P>(std::get<I>(stored))..., context);
  } else {
    (void)context;
    return function(pass<P>(std::get<I>(stored))...);
  }
}

// Tells the worker what the plugin is at, for the report of a crash there.
class PhaseTeller {
 public:
  explicit PhaseTeller(const bulkhead_call* call)
      : word_(call->size >= offsetof(bulkhead_call, phase) + sizeof call->phase ? call->phase : nullptr) {}
  void tell(std::uint64_t phase) const {
    // relaxed: it orders nothing, and is read when this process has ended.
    if (word_ != nullptr) __atomic_store_n(word_, phase, __ATOMIC_RELAXED);
  }

 private:
  std::uint64_t* const word_;
};

template <class T>
inline constexpr bool are_numbers = false;
template <class... T>
inline constexpr bool are_numbers<std::tuple<T...>> = (is_plain_number<T> && ...);

// What does not depend on the codec, for the callable F.
template <class F>
class ItemRunner {
 public:
  using Proto = prototype_t<std::remove_cv_t<F>>;
  using Parameters = typename Proto::Parameters;
  using Stored = typename Arguments<Parameters>::Stored;
  using Result = typename Proto::Result;

  ItemRunner(F& function, const bulkhead_call* call, const bulkhead_host* host, std::span<const std::string_view> names)
      : function_(function), call_(call), host_(host), names_(names), phase_(call) {}

  // Decodes, runs and encodes one item. Returns its outcome.
  BULKHEAD_SDK_CATCHES_FORCED_UNWIND std::int32_t run(std::span<const std::byte> item) {
    std::int32_t failure = BULKHEAD_DECODE_FAILED;
    // What cannot crash is not told: that of numbers.
    constexpr bool kTellsArguments = !are_numbers<Stored>;
    try {
      if constexpr (kTellsArguments) phase_.tell(BULKHEAD_PHASE_DECODE);
      Stored arguments;
      decode(item, arguments);
      failure = BULKHEAD_TASK_FAILED;
      if constexpr (kTellsArguments) phase_.tell(BULKHEAD_PHASE_RUN);
      TaskContext context(call_, host_);
      constexpr auto kIndexes = std::make_index_sequence<Parameters::kSize>{};
      if constexpr (std::is_void_v<Result>) {
        call_with<Proto::kHasContext>(function_, arguments, context, Parameters{}, kIndexes);
        failure = BULKHEAD_ENCODE_FAILED;
        encode_void();
      } else {
        decltype(auto) result = call_with<Proto::kHasContext>(function_, arguments, context, Parameters{}, kIndexes);
        failure = BULKHEAD_ENCODE_FAILED;
        if constexpr (!is_plain_number<std::remove_cvref_t<Result>>) phase_.tell(BULKHEAD_PHASE_ENCODE);
        encode(result);
      }
      if constexpr (kTellsArguments) phase_.tell(BULKHEAD_PHASE_DESTROY);
      return BULKHEAD_OK;
    } catch (abi::__forced_unwind&) {
      throw;  // the thread is ending; swallowing this would abort the process
    } catch (...) {
      return tell_current_exception(call_, failure);
    }
  }

 private:
  [[nodiscard]] bool is_json() const { return call_->codec == BULKHEAD_CODEC_JSON; }

  void decode(std::span<const std::byte> item, Stored& arguments) {
    if (is_json()) {
      read_json_arguments({reinterpret_cast<const char*>(item.data()), item.size()}, arguments, names_);
    } else {
      std::apply([&](auto&... argument) { read_with({call_}, item, argument...); }, arguments);
    }
  }
  void put_json(std::string_view json) {
    CallSink sink(call_);
    sink.put(json.data(), json.size());
    sink.finish();
  }
  void encode_void() {
    if (is_json()) put_json("null");
  }
  template <class T>
  void encode(const T& result) {
    if (is_json()) {
      std::string json;
      json_write(json, result);
      put_json(json);
    } else if constexpr (is_plain_number<T>) {
      void* const room = call_->reserve(call_->self, sizeof result);
      if (room == nullptr) throw EncodeError("the result is too large: there is no room for a number");
      std::memcpy(room, &result, sizeof result);
      call_->commit(call_->self, sizeof result);
    } else {
      CallSink sink(call_);
      write(sink, result);
      sink.finish();
    }
  }

  F& function_;
  const bulkhead_call* call_;
  const bulkhead_host* host_;
  std::span<const std::string_view> names_;
  const PhaseTeller phase_;
};

// Items answered in runs: where numbers go in and a number comes out, a call into the worker for each would take longer
// than most tasks. Nobody can ask such a task how far it is, so there is no context.
template <class F>
class NumberRuns {
 public:
  using Proto = prototype_t<std::remove_cv_t<F>>;
  using Result = typename Proto::Result;

  template <class... P>
  static constexpr bool are_numbers(TypeList<P...>) {
    return sizeof...(P) > 0 && (is_plain_number<stored_t<P>> && ...);
  }
  template <class... P>
  static constexpr std::size_t item_bytes(TypeList<P...>) {
    return (sizeof(stored_t<P>) + ... + 0);
  }
  static constexpr bool fits() {
    if constexpr (Proto::kHasContext || std::is_void_v<Result>) {
      return false;
    } else {
      return is_plain_number<Result> && are_numbers(typename Proto::Parameters{});
    }
  }

  NumberRuns(F& function, const bulkhead_call* call, const void* in)
      : function_(function), call_(call), in_(static_cast<const std::byte*>(in)) {}

  // This call may be answered so.
  [[nodiscard]] static bool fits_call(const bulkhead_call* call, std::uint64_t count) {
    constexpr std::size_t kNeeded = offsetof(bulkhead_call, running_item) + sizeof call->running_item;
    return count > 1 && call->codec == BULKHEAD_CODEC_BINARY && call->size >= kNeeded && call->begin_run != nullptr &&
           call->item_stride == item_bytes(typename Proto::Parameters{});
  }

  // Ends items from the first on; how many. Fewer than `count`: is_given_up(), or there is no room for a run.
  std::uint64_t run(std::uint64_t count) {
    std::uint64_t ended = 0;
    while (ended < count && !is_given_up_) {
      std::uint64_t size = count - ended;
      void* const room = call_->begin_run(call_->self, sizeof(Result), &size);
      if (room == nullptr) break;
      ended += run_once(static_cast<std::byte*>(room), size);
    }
    return ended;
  }
  [[nodiscard]] bool is_given_up() const { return is_given_up_; }

 private:
  BULKHEAD_SDK_CATCHES_FORCED_UNWIND std::uint64_t run_once(std::byte* out, std::uint64_t size) {
    std::uint64_t done = 0;
    try {
      const std::uint64_t first = *call_->running_item;
      while (done < size) {
        const Result result = call_function(in_, typename Proto::Parameters{});
        std::memcpy(out, &result, sizeof result);
        in_ += item_bytes(typename Proto::Parameters{});
        out += sizeof result;
        // release: whoever sees the number sees the results before it.
        __atomic_store_n(call_->running_item, first + ++done, __ATOMIC_RELEASE);
        if (*call_->stop == BULKHEAD_STOP_CANCELLED) break;
      }
      is_given_up_ = call_->end_run(call_->self, done) != 0;
      return done;
    } catch (abi::__forced_unwind&) {
      throw;  // see ItemRunner
    } catch (...) {
      // What was done comes first: the failure is the next item's.
      (void)call_->end_run(call_->self, done);
      const std::int32_t outcome = tell_current_exception(call_, BULKHEAD_TASK_FAILED);
      is_given_up_ = call_->end_item(call_->self, outcome) != 0;
      in_ += item_bytes(typename Proto::Parameters{});
      return done + 1;
    }
  }

  template <class... P>
  Result call_function(const std::byte* item, TypeList<P...>) {
    std::tuple<stored_t<P>...> arguments;
    std::apply(
        [&item](auto&... argument) { ((std::memcpy(&argument, item, sizeof argument), item += sizeof argument), ...); },
        arguments);
    return std::apply([this](auto&... argument) { return function_(pass<P>(argument)...); }, arguments);
  }

  F& function_;
  const bulkhead_call* call_;
  const std::byte* in_;
  bool is_given_up_ = false;
};

// The loop of invoke_batch.
template <class F>
std::int32_t run_items(F& function, const bulkhead_call* call, const bulkhead_host* host,
                       std::span<const std::string_view> names, const void* in, std::size_t size, std::uint64_t count) {
  std::uint64_t ended = 0;
  if constexpr (NumberRuns<F>::fits()) {
    if (NumberRuns<F>::fits_call(call, count) && size / call->item_stride >= count) {
      NumberRuns<F> runs(function, call, in);
      ended = runs.run(count);
      if (runs.is_given_up()) return BULKHEAD_OK;
    }
  }
  ItemRunner<F> runner(function, call, host, names);
  ItemCutter items(std::span(static_cast<const std::byte*>(in), size).subspan(ended * call->item_stride),
                   call->item_stride);
  for (std::uint64_t i = ended; i < count; ++i) {
    std::span<const std::byte> item;
    if (!items.try_next(item)) {
      tell_failure(call, "bulkhead::DecodeError", "the bytes of the call end before its last item");
      return BULKHEAD_DECODE_FAILED;
    }
    if (call->end_item(call->self, runner.run(item)) != 0) return BULKHEAD_OK;
  }
  return BULKHEAD_OK;
}

}  // namespace bulkhead::sdk
