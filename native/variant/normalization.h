// Layer 2 of batch normalization: the moments in one pass over memory, the gradients in two.  What the moments are for is
// an elementwise map, which XLA makes in one pass with the ReLU or the sum that follows.
//
// A pass is cut into chunks of rows.  Sums of a chunk are kept in float, about a value near the mean, so that nothing
// cancels; the chunks are added in their order, in double.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

constexpr int64_t kNormalizationFloats = 64 * 1024;  // of one chunk
constexpr int kRowsAtOnce = 4;  // whose sum stays in registers

struct RowChunks {
  int64_t rows, count;  // of one chunk; of chunks in one trial
};

inline RowChunks row_chunks(const Normalization& s) {
  const int64_t rows = most(least(kNormalizationFloats / most(s.channels, 1), 1024), 32);
  return {rows, ceiling(s.rows, rows)};
}

// A second pass goes backwards: what the first one read last is still in the cache.
enum class Order { forwards, backwards };

// Calls visit(trial, chunk, first row, last row) for each chunk of rows, on all threads.
template <typename Visit>
void for_each_chunk(const Normalization& s, Order order, Workers& workers, Visit visit) {
  const RowChunks chunks = row_chunks(s);
  const int64_t all = s.trials * chunks.count;
  workers.each(all, [&](int64_t turn) {
    const int64_t index = order == Order::forwards ? turn : all - 1 - turn;
    const int64_t chunk = index % chunks.count;
    visit(index / chunks.count, chunk, chunk * chunks.rows, least((chunk + 1) * chunks.rows, s.rows));
  });
}

// Calls visit(channel, lanes) for every vector of a row.
template <typename Visit>
void for_each_vector(const Normalization& s, Visit visit) {
  const int64_t whole = s.channels / kLanes * kLanes;
  for (int64_t channel = 0; channel < whole; channel += kLanes) visit(channel, AllLanes{});
  if (whole < s.channels) visit(whole, s.channels - whole);
}

// ---- sums of two quantities over rows, channel by channel

struct TwoVectors {
  Vector first, second;
};

// Adds `terms(offset, channel, lanes)` of some rows from `row` on to sums (2, channels).
template <int Rows, typename Terms>
void add_rows(const Normalization& s, int64_t row, float* sums, Terms terms) {
  for_each_vector(s, [&](int64_t channel, auto lanes) {
    TwoVectors total = {};
#pragma GCC unroll 4
    for (int r = 0; r < Rows; ++r) {
      const TwoVectors term = terms((row + r) * s.channels + channel, channel, lanes);
      total.first += term.first;
      total.second += term.second;
    }
    float *first = sums + channel, *second = first + s.channels;
    store_some(first, load_some(first, lanes) + total.first, lanes);
    store_some(second, load_some(second, lanes) + total.second, lanes);
  });
}

// Memory for the sums of all chunks (trials, chunks, 2, channels), and for their totals (2, channels) of one trial.
struct Sums {
  float* of_chunks;
  double* totals;
};

inline Sums memory_of_sums(const Normalization& s) {
  const int64_t doubles = 2 * s.channels, floats = s.trials * row_chunks(s).count * 2 * s.channels;
  float* memory = scratch(Purpose::partial_sums, 2 * doubles + floats);
  return {memory + 2 * doubles, reinterpret_cast<double*>(memory)};
}

// The two sums of each chunk.  `make_terms(trial)` gives the terms of a trial.
template <typename MakeTerms>
Sums sum_chunks(const Normalization& s, Workers& workers, MakeTerms make_terms) {
  const Sums sums = memory_of_sums(s);
  for_each_chunk(s, Order::forwards, workers, [&](int64_t trial, int64_t chunk, int64_t begin, int64_t end) {
    float* to = sums.of_chunks + (trial * row_chunks(s).count + chunk) * 2 * s.channels;
    for (int64_t k = 0; k < 2 * s.channels; ++k) to[k] = 0;
    const auto terms = make_terms(trial);
    int64_t row = begin;
    for (; row + kRowsAtOnce <= end; row += kRowsAtOnce) add_rows<kRowsAtOnce>(s, row, to, terms);
    for (; row < end; ++row) add_rows<1>(s, row, to, terms);
  });
  return sums;
}

// The totals of a trial.
inline void add_chunks(const Normalization& s, const Sums& sums, int64_t trial) {
  const int64_t chunks = row_chunks(s).count, size = 2 * s.channels;
  for (int64_t k = 0; k < size; ++k) sums.totals[k] = 0;
  for (int64_t chunk = trial * chunks; chunk < (trial + 1) * chunks; ++chunk)
    for (int64_t k = 0; k < size; ++k) sums.totals[k] += sums.of_chunks[chunk * size + k];
}

// ---- the moments

inline void normalization_moments(const Normalization& s, const float* x, float* mean, float* variance,
                                  Workers& workers) {
  if (s.trials * s.rows * s.channels == 0) return;
  const Sums sums = sum_chunks(s, workers, [&](int64_t trial) {
    const float* values = x + trial * s.rows * s.channels;
    return [=](int64_t offset, int64_t channel, auto lanes) {
      const Vector distance = load_some(values + offset, lanes) - load_some(values + channel, lanes);  // the first row
      return TwoVectors{distance, distance * distance};
    };
  });
  for (int64_t trial = 0; trial < s.trials; ++trial) {
    add_chunks(s, sums, trial);
    for (int64_t c = 0; c < s.channels; ++c) {
      const double first = sums.totals[c] / s.rows, second = sums.totals[s.channels + c] / s.rows - first * first;
      mean[trial * s.channels + c] = static_cast<float>(x[trial * s.rows * s.channels + c] + first);
      variance[trial * s.channels + c] = static_cast<float>(second > 0 || second != second ? second : 0);
    }
  }
}

// ---- the gradients

inline void normalization_backward(const Normalization& s, const float* x, const float* gy, const float* scale,
                                   const float* mean, const float* variance, float* gx, float* gscale, float* gshift,
                                   Workers& workers) {
  const int64_t channels = s.trials * s.channels;
  if (channels * s.rows == 0) return;
  const Sums sums = sum_chunks(s, workers, [&](int64_t trial) {
    const float *values = x + trial * s.rows * s.channels, *gradients = gy + trial * s.rows * s.channels;
    const float* center = mean + trial * s.channels;
    return [=](int64_t offset, int64_t channel, auto lanes) {
      const Vector gradient = load_some(gradients + offset, lanes);
      return TwoVectors{gradient, gradient * (load_some(values + offset, lanes) - load_some(center + channel, lanes))};
    };
  });
  // gx = factor gy + slope (x - mean) + constant
  float* factors = scratch(Purpose::plan, 3 * channels);
  float *slopes = factors + channels, *constants = slopes + channels;
  for (int64_t trial = 0; trial < s.trials; ++trial) {
    add_chunks(s, sums, trial);
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t entry = trial * s.channels + c;
      const double inverse = 1 / __builtin_sqrt(static_cast<double>(variance[entry]) + s.epsilon);
      const double total = sums.totals[c], product = sums.totals[s.channels + c] * inverse;
      gshift[entry] = static_cast<float>(total);
      gscale[entry] = static_cast<float>(product);
      factors[entry] = static_cast<float>(scale[entry] * inverse);
      slopes[entry] = static_cast<float>(-scale[entry] * inverse * inverse * product / s.rows);
      constants[entry] = static_cast<float>(-scale[entry] * inverse * total / s.rows);
    }
  }
  for_each_chunk(s, Order::backwards, workers, [&](int64_t trial, int64_t, int64_t begin, int64_t end) {
    for (int64_t row = trial * s.rows + begin; row < trial * s.rows + end; ++row)
      for_each_vector(s, [&](int64_t channel, auto lanes) {
        const int64_t place = row * s.channels + channel, entry = trial * s.channels + channel;
        const Vector distance = load_some(x + place, lanes) - load_some(mean + entry, lanes);
        const Vector value = distance * load_some(slopes + entry, lanes) + load_some(constants + entry, lanes);
        store_some(gx + place, load_some(gy + place, lanes) * load_some(factors + entry, lanes) + value, lanes);
      });
  });
}

}  // namespace
}  // namespace madi
