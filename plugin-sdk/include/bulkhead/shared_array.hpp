// Arrays that several processes have in memory at the same time: put there once, handed to any number of tasks by
// reference, written in place by those that may.
//
//   bulkhead::SharedArray<double> samples(1'000'000);                        // zeros, in shared memory
//   std::iota(samples.begin(), samples.end(), 0.0);
//   pool.apply<double>("stats.mean", samples);                               // 24 bytes travel
//   pool.apply<void>("stats.normalise", samples);                            // writes to it in place
//   pool.map<double>("stats.mean", std::vector{samples.slice(0, 500'000), samples.slice(500'000)});
//
// In the plugin:
//
//   double mean(bulkhead::SharedArray<const double> xs);                     // in signatures shared<f64>: may only read
//   void normalise(bulkhead::SharedArray<double> xs);                        // shared_mut<f64>: may write
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <bulkhead/sdk/byte_sink.hpp>
#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/shared_memory.hpp>
#include <bulkhead/sdk/standard_types.hpp>

namespace bulkhead {

// A handle on elements in shared memory, as std::shared_ptr and std::span are handles: copies are cheap and mean the same
// elements, `const` is the handle's, and SharedArray<const T> is the one that cannot write. A SharedArray<T> converts to a
// SharedArray<const T>, never the other way.
//
// T is a number, an std::array of numbers, or a type named by BULKHEAD_TYPE that may be copied byte by byte and holds no
// pointers.
//
// As an argument it travels as its place, 24 bytes whatever its size; a worker maps the memory when it first meets it.
// Also within containers and members of user types; two arguments that are slices of the same array are that in the task
// as well. A task that takes SharedArray<const T> can be given either kind; what it sees is mapped for reading, so that a
// stray write is its own SIGSEGV. One that takes SharedArray<T> can be given only a SharedArray<T>.
//
// A task may also return one, that it made or was given: the caller then has the same memory, at another address. (Making
// one costs what the kernel takes to find and clear its pages, a third of a second for a gigabyte: to write into an array of
// the caller's again and again costs nothing.)
//
// Ownership: counted, in each process and by the kernel over all of them. The memory is given back when the last process
//            that has it lets go: this one its last handle, a worker what it was given (the pool sees to it when no task
//            and no handle of the host needs the array any more) and what its plugin kept a copy of. A process that dies
//            lets go of everything, at once. Handles outlive pool and engine. A fork()ed child shares what its parent had (so with
//            start_method `fork` arrays that are older than the engine stay as long as it).
// Threads:   as std::shared_ptr: one handle is one thread's, handles on the same elements are any thread's. Elements have
//            no lock: while a task may write to some of them, nobody else should look at those. Whoever has the result of
//            a task sees everything that the task wrote, and a task everything that was written before it was submitted. A
//            task that fails or whose worker dies leaves its array as it is at that moment, half written; so does one that
//            is retried, and the next attempt finds that.
// Failure:   making one throws std::system_error: ENOMEM when the machine (or this container) does not have the memory,
//            EMFILE or ENFILE when there is no descriptor left (an array keeps two open, one where nobody may write to it; so
//            does every worker that has it); nothing is left behind then. Memory that was got is there: using it never
//            fails. What cannot be given to a task (of another element type; SharedArray<const T> where the task writes)
//            is SignatureMismatch, in the host, before anything is sent.
template <class T>
class SharedArray {
 public:
  // As of std::span, with and without the const.
  using element_type = T;
  // See above.
  using value_type = std::remove_const_t<T>;
  static_assert(sdk::is_shareable<value_type>,
                "bulkhead: the elements of a SharedArray are numbers, arrays of numbers, or types named by "
                "BULKHEAD_TYPE that are trivially copyable");

  // Empty: no memory, no descriptor.
  SharedArray() noexcept = default;

  // `size` elements, all bytes zero, in fresh memory that begins at a page.
  explicit SharedArray(std::size_t size) requires(!std::is_const_v<T>) : SharedArray(size, Others::kMayWrite) {}

  // The same elements in fresh memory. Of a SharedArray<const T> nobody but this process can ever write to them: not even
  // a task that tries.
  [[nodiscard]] static SharedArray copy_of(std::span<const value_type> elements) {
    SharedArray copy(elements.size(), std::is_const_v<T> ? Others::kMayOnlyRead : Others::kMayWrite);
    // Not const where it was just made.
    if (!elements.empty()) std::memcpy(const_cast<value_type*>(copy.data_), elements.data(), elements.size_bytes());
    return copy;
  }

  // The same elements, to be read.
  template <class U>
  requires(std::is_const_v<T>&& std::is_same_v<U, value_type>) SharedArray(const SharedArray<U>& writable)
  noexcept : memory_(writable.memory_), data_(writable.data_), size_(writable.size_) {}

  // The first element; nullptr of an empty one.
  [[nodiscard]] T* data() const noexcept { return data_; }
  // How many elements.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // How many bytes.
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
  // Whether it has no elements.
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // For ranges and algorithms.
  [[nodiscard]] T* begin() const noexcept { return data_; }
  // Behind the last element.
  [[nodiscard]] T* end() const noexcept { return data_ + size_; }
  // Requires: index < size().
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data_[index]; }
  // All of it, for those who take spans.
  [[nodiscard]] std::span<T> span() const noexcept { return {data_, size_}; }

  // `count` of its elements from `first` on, no more than there are; a handle like any other on the same memory. Throws
  // std::out_of_range when `first` is beyond its end.
  [[nodiscard]] SharedArray slice(std::size_t first,
                                  std::size_t count = std::numeric_limits<std::size_t>::max()) const {
    if (first > size_) {
      throw std::out_of_range("a slice begins at element " + std::to_string(first) + " of a shared array of " +
                              std::to_string(size_));
    }
    SharedArray part(*this);
    part.data_ += first;
    part.size_ = count < size_ - first ? count : size_ - first;
    return part;
  }

  // Handles on its memory in this process; 0: it never had any.
  [[nodiscard]] long use_count() const noexcept { return memory_.use_count(); }

 private:
  using Others = sdk::SharedMemory::Others;
  template <class>
  friend class SharedArray;
  template <class>
  friend struct sdk::SharedArrayForm;

  SharedArray(std::size_t size, Others others) {
    if (size == 0) return;
    // What cannot be counted in bytes is more than there is, too.
    const bool fits = size <= std::numeric_limits<std::size_t>::max() / sizeof(T);
    memory_ = sdk::SharedMemory::create(fits ? size * sizeof(T) : std::numeric_limits<std::size_t>::max(), others);
    data_ = reinterpret_cast<T*>(memory_->data());
    size_ = size;
  }

  std::shared_ptr<sdk::SharedMemory> memory_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// Bytes to be read, as many as one likes, by reference. (std::vector<std::byte> travels by value.)
using Bytes = SharedArray<const std::byte>;

namespace sdk {

template <class T>
struct SharedArrayForm<SharedArray<T>> {
  using Array = SharedArray<T>;
  static constexpr bool kIsWritable = !std::is_const_v<T>;

  static void write(ByteSink& sink, const Array& array) {
    SharedPlace place;
    if (!array.empty()) {
      const auto& memory = array.memory_;
      place.id = memory->id();
      place.offset = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(array.data_) - memory->data());
      place.count = array.size_;
      sink.hold(
          {memory, kIsWritable, memory->id(), memory->size(), kIsWritable ? memory->fd() : memory->read_only_fd()});
    }
    sink.put(&place, sizeof place);
  }

  // Throws DecodeError for a place that is not there.
  static void read(const SharedSource& source, const SharedPlace& place, Array& array) {
    array = Array();
    if (place.id == 0) {
      if (place.count != 0 || place.offset != 0) throw DecodeError("a shared array of no memory has elements");
      return;
    }
    auto memory = open_shared(source, place.id, kIsWritable);
    if (place.offset > memory->size() || place.count > (memory->size() - place.offset) / sizeof(T) ||
        place.offset % alignof(T) != 0) {
      throw DecodeError("a shared array of " + std::to_string(place.count) + " elements from byte " +
                        std::to_string(place.offset) + " on does not lie in its memory of " +
                        std::to_string(memory->size()) + " bytes");
    }
    array.data_ = reinterpret_cast<T*>(memory->data() + place.offset);
    array.size_ = static_cast<std::size_t>(place.count);
    array.memory_ = std::move(memory);
  }

  // From elements that came by value (JSON).
  template <class Elements>
  static Array from(const Elements& elements) {
    return Array::copy_of(elements);
  }
};

}  // namespace sdk

}  // namespace bulkhead
