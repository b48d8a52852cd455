// What the templates of the public headers leave to compiled code: refusals, chunk sizes, callbacks.

#include <algorithm>
#include <limits>

#include "bulkhead/pool.hpp"
#include "bulkhead/sdk/abi.h"
#include "support/duration_text.hpp"

namespace bulkhead {

namespace detail {

void raise_mismatch(const TaskInfo& task, std::string_view called, int argument, std::string_view why) {
  std::string text = "task \"" + task.name + "\" is " + task.signature.text + ", called as " + std::string(called);
  text += argument == 0 ? ": " : ": argument " + std::to_string(argument) + ": ";
  text += why;
  raise<SignatureMismatch, std::invalid_argument>(
      std::move(text), {.declared = task.signature.text, .called = std::string(called), .argument = argument});
}

void raise_undecodable(const TaskInfo& task, const char* why) {
  raise<PayloadError>("the result of task \"" + task.name + "\" is not what its signature " + task.signature.text +
                      " says: " + why);
}

void raise_unencodable(const TaskInfo& task, const char* why) {
  raise<PayloadError>("the arguments of task \"" + task.name + "\" cannot be encoded: " + why);
}

void raise_argument(const TaskInfo& task, int argument, const std::string& why) {
  raise<ArgumentError, std::out_of_range>(
      "task \"" + task.name + "\" is " + task.signature.text + ": argument " + std::to_string(argument) + ": " + why,
      {.declared = task.signature.text, .called = {}, .argument = argument});
}

void raise_shared_initarg(const TaskInfo& task) {
  raise<ArgumentError, std::invalid_argument>(
      "task \"" + task.name + "\" is " + task.signature.text +
          ": an initializer cannot be given a shared array (have it make one, or pass the array to the tasks)",
      {.declared = task.signature.text, .called = {}, .argument = 0});
}

void raise_does_not_fit(const std::string& value, const TypeDesc& declared, const char* why) {
  throw DoesNotFit(value + " cannot be sent as " + declared.text + ": it " + why);
}

}  // namespace detail

std::string_view name_of(CancelOutcome outcome) noexcept {
  switch (outcome) {
    case CancelOutcome::kNeverRan:
      return "never ran";
    case CancelOutcome::kStoppedCooperatively:
      return "stopped cooperatively";
    case CancelOutcome::kKilled:
      return "killed";
    case CancelOutcome::kFinishedFirst:
      return "finished first";
    case CancelOutcome::kStillRunning:
      return "still running";
  }
  return "unknown";
}

namespace detail {

void raise_no_result() {
  raise<UsageError, std::logic_error>("this result belongs to no task: it was default-constructed or moved from");
}
void raise_not_ready() {
  raise<UsageError, std::logic_error>("successful() was asked before the result was ready (wait for it first)");
}
void raise_wait_ended(const Completion& completion) {
  raise<TimeoutError>("task \"" + task_of(completion).name +
                      "\" had no result within the time given; it goes on and can be asked again");
}

void raise_none_completed(std::size_t open, std::size_t all) {
  raise<TimeoutError>("none of the " + std::to_string(open) + " open results (of " + std::to_string(all) +
                      ") had a verdict within the time given; they go on and can be asked again");
}
void raise_no_error(std::uint64_t index) {
  raise<UsageError, std::logic_error>("error() was asked of item " + std::to_string(index) +
                                      ", which has a result (look at has_value() first)");
}

void ChunkBuffer::put_size_before(std::size_t from) {
  const std::size_t bytes = items_.bytes().size() - from;
  if (bytes > std::numeric_limits<std::uint32_t>::max()) {
    raise<PayloadError>("an item of task \"" + task_->name + "\" takes " + std::to_string(bytes) +
                        " bytes; at most 4 GiB travel in a chunk");
  }
  const auto size = static_cast<std::uint32_t>(bytes);
  items_.overwrite(from - sizeof size, &size, sizeof size);
}

std::uint32_t chunk_items(std::optional<int> asked) {
  if (asked && *asked <= 0) {
    raise<UsageError, std::invalid_argument>("the chunk size must be at least 1 (got " + std::to_string(*asked) + ")");
  }
  return static_cast<std::uint32_t>(asked.value_or(1));
}

std::uint32_t chunk_items(std::optional<int> asked, std::size_t items, std::size_t workers) {
  if (asked) return chunk_items(asked);
  // multiprocessing's Pool._map_async: divmod(items, 4 * workers), rounded up.
  const std::size_t shares = std::max<std::size_t>(1, workers) * 4;
  const std::size_t chunk = std::max<std::size_t>(1, items / shares + (items % shares != 0 ? 1 : 0));
  return static_cast<std::uint32_t>(std::min<std::size_t>(chunk, std::numeric_limits<int>::max()));
}

void call_back(const std::function<void(const Error&)>& on_error, const std::exception_ptr& error) {
  if (!on_error) return;
  try {
    std::rethrow_exception(error);
  } catch (const Error& ours) {
    on_error(ours);
  } catch (const std::bad_alloc&) {
    on_error(out_of_memory_error());
  }
}

const Error& out_of_memory_error() {
  static const Thrown<ResourceError, std::runtime_error> error(
      "there is no memory for the result, or for saying what became of it (submit less at once)",
      ResourceError::Info{.resource = "memory", .hint = "submit less at once"}, "out of memory");
  return error;
}

Terms resolve_terms(const TaskInfo& task, CallTerms asked) {
  const auto refuse = [&](const std::string& what, const std::string& got) {
    raise<UsageError, std::invalid_argument>("task \"" + task.name + "\": " + what + " (got " + got + ")");
  };
  const auto limit = [&](const char* name, const std::optional<TimeLimit>& said, std::chrono::nanoseconds policy) {
    if (!said) return policy;
    if (said->value() <= std::chrono::nanoseconds::zero()) {
      refuse(std::string(name) + " must be more than zero", support::duration_text(said->value()));
    }
    return said->value();
  };
  const TaskPolicy& policy = task.policy;
  Terms terms;
  terms.timeout = std::min(limit("timeout", asked.timeout, policy.timeout), policy.max_timeout);
  terms.soft_timeout = limit("soft_timeout", asked.soft_timeout, policy.soft_timeout);
  if (asked.deadline) terms.deadline = *asked.deadline;
  const int retries = asked.retries.value_or(static_cast<int>(policy.retries));
  if (retries < 0) refuse("the number of retries must not be negative", std::to_string(retries));
  terms.retries = static_cast<std::uint32_t>(retries);
  const int priority = asked.priority.value_or(policy.priority);
  if (priority < 0 || priority >= kPriorities) refuse("a priority is 0 to 7", std::to_string(priority));
  terms.priority = static_cast<std::uint8_t>(priority);
  if (asked.on_progress) terms.on_progress = std::make_shared<const ProgressCallback>(std::move(asked.on_progress));
  return terms;
}

namespace {

// Of a call by JSON the result is the text itself.
std::string decode_text(const Completion& completion) {
  if (auto error = item_error(completion, 0)) std::rethrow_exception(std::move(error));
  const auto bytes = item_bytes(completion, 0);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::vector<JsonOutcome> decode_outcomes(const Completion& completion) {
  std::vector<JsonOutcome> outcomes(item_count(completion));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    outcomes[i].error = item_error(completion, i);
    if (outcomes[i].error) continue;
    const auto bytes = item_bytes(completion, i);
    outcomes[i].result.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return outcomes;
}

// One behind the other, each preceded by its size.
void pack_calls(ArgumentSink& to, const TaskInfo& task, std::span<const std::string> calls) {
  for (const std::string& arguments : calls) {
    if (arguments.size() > std::numeric_limits<std::uint32_t>::max()) {
      raise<PayloadError>("the arguments of task \"" + task.name + "\" take " + std::to_string(arguments.size()) +
                          " bytes; at most 4 GiB travel in a chunk");
    }
    const auto size = static_cast<std::uint32_t>(arguments.size());
    to.put(&size, sizeof size);
    to.put(arguments.data(), arguments.size());
  }
}

// Each call in a record of its own.
CompletionRef submit_one_by_one(Backend& backend, const TaskInfo& task, std::span<const std::string> calls,
                                const Terms& terms, VerdictCallback callback) {
  CompletionRef map = backend.begin_map(task, std::move(callback));
  try {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const ThreadSink sink(backend);
      pack_calls(*sink, task, calls.subspan(i, 1));
      backend.add_chunk(*map, {.task = &task,
                               .codec = BULKHEAD_CODEC_JSON,
                               .bytes = sink->bytes(),
                               .first_index = i,
                               .terms = &terms,
                               .lent = sink->lent()});
    }
  } catch (...) {
    backend.abandon_map(*map);
    throw;
  }
  backend.seal_map(*map);
  return map;
}

const TaskInfo& find_json_task(Backend& backend, std::string_view name) {
  const TaskInfo& info = backend.find_task(name);
  if ((info.codecs & BULKHEAD_CODEC_JSON) == 0) {
    raise<PayloadError>("task \"" + info.name + "\" does not speak JSON (its plugin was built without it)");
  }
  return info;
}

}  // namespace

}  // namespace detail

AsyncResult<std::string> Pool::apply_json_async(std::string_view task, std::string_view arguments,
                                                CallOptions<std::string> options) {
  const detail::TaskInfo& info = detail::find_json_task(*backend_, task);
  const detail::Terms terms = detail::resolve_terms(info, detail::terms_of(options));
  const auto bytes = std::as_bytes(std::span(arguments));
  return {backend_->submit({.task = &info,
                            .codec = BULKHEAD_CODEC_JSON,
                            .stride = static_cast<std::uint32_t>(bytes.size()),
                            .bytes = bytes,
                            .terms = terms.are_plain() ? nullptr : &terms},
                           detail::verdict_callback<std::string>(&detail::decode_text, std::move(options.on_result),
                                                                 std::move(options.on_error))),
          &detail::decode_text};
}

AsyncResult<std::vector<JsonOutcome>> Pool::map_json_async(std::string_view task, std::span<const std::string> calls,
                                                           CallOptions<void> options) {
  const detail::TaskInfo& info = detail::find_json_task(*backend_, task);
  if (calls.empty()) {
    detail::raise<UsageError, std::invalid_argument>("map_json_async needs at least one call");
  }
  const detail::Terms terms = detail::resolve_terms(info, detail::terms_of(options));
  detail::VerdictCallback callback;
  if (options.on_result) callback = [then = std::move(options.on_result)](detail::Completion&) { then(); };
  if (terms.needs_own_record()) {
    return {detail::submit_one_by_one(*backend_, info, calls, terms, std::move(callback)), &detail::decode_outcomes};
  }
  const detail::ThreadSink sink(*backend_);
  detail::pack_calls(*sink, info, calls);
  return {backend_->submit({.task = &info,
                            .codec = BULKHEAD_CODEC_JSON,
                            .count = static_cast<std::uint32_t>(calls.size()),
                            .bytes = sink->bytes(),
                            .terms = terms.are_plain() ? nullptr : &terms,
                            .lent = sink->lent()},
                           std::move(callback)),
          &detail::decode_outcomes};
}

void Pool::refuse_callbacks(bool has_callbacks) {
  if (has_callbacks) {
    detail::raise<UsageError, std::invalid_argument>(
        "imap calls no callbacks: its results are taken one by one (use map_async, or apply_async for each)");
  }
}

}  // namespace bulkhead
