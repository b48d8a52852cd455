// Values to bytes and back, as arguments and results travel.
#include <benchmark/benchmark.h>

#include <bulkhead/plugin.hpp>

#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

namespace {

template <class T>
void there_and_back(benchmark::State& state, const T& value) {
  bulkhead::sdk::BufferSink sink;
  for (auto _ : state) {
    sink.clear();
    bulkhead::sdk::write(sink, value);
    benchmark::ClobberMemory();  // else numbers never become bytes at all
    T back{};
    bulkhead::sdk::read(sink.bytes(), back);
    benchmark::DoNotOptimize(back);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sink.bytes().size()));
}

void codec_integer(benchmark::State& state) { there_and_back(state, std::int64_t{7}); }
BENCHMARK(codec_integer);

void codec_text(benchmark::State& state) {
  there_and_back(state, std::string(static_cast<std::size_t>(state.range(0)), 'x'));
}
BENCHMARK(codec_text)->Arg(8)->Arg(64)->Arg(4096);

void codec_doubles(benchmark::State& state) {
  std::vector<double> values(static_cast<std::size_t>(state.range(0)));
  std::iota(values.begin(), values.end(), 0.5);
  there_and_back(state, values);
}
BENCHMARK(codec_doubles)->Arg(8)->Arg(1000)->Arg(1'000'000);

void codec_texts(benchmark::State& state) {
  there_and_back(state, std::vector<std::string>(static_cast<std::size_t>(state.range(0)), "a short text"));
}
BENCHMARK(codec_texts)->Arg(1000);

void codec_map(benchmark::State& state) {
  std::map<std::string, std::int64_t> values;
  for (int i = 0; i < 1000; ++i) values["key " + std::to_string(i)] = i;
  there_and_back(state, values);
}
BENCHMARK(codec_map);

}  // namespace
