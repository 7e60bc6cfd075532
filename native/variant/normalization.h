// Layer 2 of batch normalization: two passes over memory forward, two backward, each with all that can be done in it.
//
// A pass is cut into chunks of rows.  Sums of a chunk are kept in float, about a value near the mean, so that nothing
// cancels; the chunks are added in their order, in double.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

constexpr int64_t kNormalizationFloats = 16 * 1024;  // of one chunk
constexpr int kChannelVectors = 4;                   // of channels, whose sums stay in registers

struct RowChunks {
  int64_t rows, count;  // of one chunk; of chunks in one trial
};

inline RowChunks row_chunks(const Normalization& s) {
  const int64_t rows = most(least(kNormalizationFloats / most(s.channels, 1), 1024), 16);
  return {rows, ceiling(s.rows, rows)};
}

// Calls visit(trial, chunk, first row, last row) for each chunk of rows, on all threads.
template <typename Visit>
void for_each_chunk(const Normalization& s, Workers& workers, Visit visit) {
  const RowChunks chunks = row_chunks(s);
  workers.each(s.trials * chunks.count, [&](int64_t index) {
    const int64_t chunk = index % chunks.count;
    visit(index / chunks.count, chunk, chunk * chunks.rows, least((chunk + 1) * chunks.rows, s.rows));
  });
}

// ---- sums of two quantities over rows, channel by channel

// Adds up `terms(offset, channels there)`, a pair of vectors, over the rows [begin, end) into first and second.
struct TwoVectors {
  Vector first, second;
};

template <int V, typename Lanes, typename Terms>
void sum_rows(const Normalization& s, int64_t begin, int64_t end, int64_t channel, Lanes lanes, double* sums,
              Terms terms) {
  Vector first[V] = {}, second[V] = {};
  for (int64_t row = begin; row < end; ++row)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const TwoVectors term = terms(row * s.channels + channel + v * kLanes, channel + v * kLanes, lanes);
      first[v] += term.first;
      second[v] += term.second;
    }
  for (int v = 0; v < V; ++v)
    for (int64_t lane = 0; lane < least(kLanes, s.channels - channel - v * kLanes); ++lane) {
      sums[channel + v * kLanes + lane] = first[v][lane];
      sums[s.channels + channel + v * kLanes + lane] = second[v][lane];
    }
}

// The two sums of each chunk, to sums (trials, chunks, 2, channels).  `terms(trial)` makes the terms of a trial.
template <typename MakeTerms>
void sum_chunks(const Normalization& s, double* sums, Workers& workers, MakeTerms make_terms) {
  const RowChunks chunks = row_chunks(s);
  for_each_chunk(s, workers, [&](int64_t trial, int64_t chunk, int64_t begin, int64_t end) {
    double* to = sums + (trial * chunks.count + chunk) * 2 * s.channels;
    const auto terms = make_terms(trial);
    int64_t channel = 0;
    for (; channel + kChannelVectors * kLanes <= s.channels; channel += kChannelVectors * kLanes)
      sum_rows<kChannelVectors>(s, begin, end, channel, AllLanes{}, to, terms);
    for (; channel + kLanes <= s.channels; channel += kLanes)
      sum_rows<1>(s, begin, end, channel, AllLanes{}, to, terms);
    if (channel < s.channels) sum_rows<1>(s, begin, end, channel, s.channels - channel, to, terms);
  });
}

inline double add_chunks(const Normalization& s, const double* sums, int64_t trial, int64_t index) {
  const int64_t chunks = row_chunks(s).count;
  double total = 0;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) total += sums[(trial * chunks + chunk) * 2 * s.channels + index];
  return total;
}

// Memory for the sums of all chunks, or of any one chunk.
inline double* chunk_sums(const Normalization& s) {
  return reinterpret_cast<double*>(scratch(Purpose::partial_sums, s.trials * row_chunks(s).count * 4 * s.channels));
}

// ---- an affine map of channels, y = factor x + term

struct Affine {
  const float* factor;
  const float* term;
};

inline Affine affine_of(const Normalization& s, const float* scale, const float* shift, const float* mean,
                        const float* variance, float* memory) {
  for (int64_t c = 0; c < s.trials * s.channels; ++c) {
    memory[c] = scale[c] / __builtin_sqrtf(variance[c] + s.epsilon);
    memory[s.trials * s.channels + c] = shift[c] - mean[c] * memory[c];
  }
  return {memory, memory + s.trials * s.channels};
}

// Calls visit(offset, channel of the trial's table, lanes) for every vector of the rows.
template <typename Visit>
void for_each_vector(const Normalization& s, Workers& workers, Visit visit) {
  const int64_t whole = s.channels / kLanes * kLanes;
  for_each_chunk(s, workers, [&](int64_t trial, int64_t, int64_t begin, int64_t end) {
    for (int64_t row = trial * s.rows + begin; row < trial * s.rows + end; ++row) {
      for (int64_t c = 0; c < whole; c += kLanes) visit(row * s.channels + c, trial * s.channels + c, AllLanes{});
      if (whole < s.channels) visit(row * s.channels + whole, trial * s.channels + whole, s.channels - whole);
    }
  });
}

// ---- forward

inline void moments(const Normalization& s, const float* x, float* mean, float* variance, Workers& workers) {
  double* sums = chunk_sums(s);
  sum_chunks(s, sums, workers, [&](int64_t trial) {
    const float* values = x + trial * s.rows * s.channels;
    return [=](int64_t offset, int64_t channel, auto lanes) {
      const Vector distance = load_some(values + offset, lanes) - load_some(values + channel, lanes);  // the first row
      return TwoVectors{distance, distance * distance};
    };
  });
  for (int64_t trial = 0; trial < s.trials; ++trial)
    for (int64_t c = 0; c < s.channels; ++c) {
      const double first = add_chunks(s, sums, trial, c) / s.rows;
      const double second = add_chunks(s, sums, trial, s.channels + c) / s.rows - first * first;
      mean[trial * s.channels + c] = static_cast<float>(x[trial * s.rows * s.channels + c] + first);
      variance[trial * s.channels + c] = static_cast<float>(second > 0 || second != second ? second : 0);
    }
}

inline void normalization_forward(const Normalization& s, const float* x, const float* scale, const float* shift,
                                  const float* residual, float* y, float* mean, float* variance, Workers& workers) {
  if (s.trials * s.rows * s.channels == 0) return;
  moments(s, x, mean, variance, workers);
  const Affine map = affine_of(s, scale, shift, mean, variance, scratch(Purpose::plan, 2 * s.trials * s.channels));
  for_each_vector(s, workers, [&](int64_t offset, int64_t channel, auto lanes) {
    Vector value = load_some(x + offset, lanes) * load_some(map.factor + channel, lanes) +
                   load_some(map.term + channel, lanes);
    if (residual) value += load_some(residual + offset, lanes);
    store_some(y + offset, s.relu ? positive_part(value) : value, lanes);
  });
}

// ---- backward

// gy where the ReLU let it through.  Without a residual, what the ReLU saw follows from x, and y need not be read.
template <typename Lanes>
Vector passed(const Normalization& s, const float* x, const float* gy, const float* output, const Affine& map,
              int64_t offset, int64_t channel, Lanes lanes) {
  const Vector gradient = load_some(gy + offset, lanes);
  if (!s.relu) return gradient;
  const Vector seen = output ? load_some(output + offset, lanes)
                             : load_some(x + offset, lanes) * load_some(map.factor + channel, lanes) +
                                   load_some(map.term + channel, lanes);
  return seen > Vector{} ? gradient : Vector{};
}

inline void normalization_backward(const Normalization& s, const float* x, const float* gy, const float* output,
                                   const float* scale, const float* shift, const float* mean, const float* variance,
                                   float* gx, float* gscale, float* gshift, Workers& workers) {
  const int64_t channels = s.trials * s.channels;
  if (channels * s.rows == 0) return;
  float* memory = scratch(Purpose::plan, 4 * channels);
  const Affine map = affine_of(s, scale, shift, mean, variance, memory);
  float *slopes = memory + 2 * channels, *constant = memory + 3 * channels;
  double* sums = chunk_sums(s);
  sum_chunks(s, sums, workers, [&](int64_t trial) {
    return [=, &s, &map](int64_t offset, int64_t channel, auto lanes) {
      const int64_t place = trial * s.rows * s.channels + offset, entry = trial * s.channels + channel;
      const Vector gradient = passed(s, x, gy, output, map, place, entry, lanes);
      return TwoVectors{gradient, gradient * (load_some(x + place, lanes) - load_some(mean + entry, lanes))};
    };
  });
  // gx = factor gy + slope (x - mean) + constant
  for (int64_t trial = 0; trial < s.trials; ++trial)
    for (int64_t c = 0; c < s.channels; ++c) {
      const int64_t entry = trial * s.channels + c;
      const double inverse = 1 / __builtin_sqrt(static_cast<double>(variance[entry]) + s.epsilon);
      const double total = add_chunks(s, sums, trial, c), product = add_chunks(s, sums, trial, s.channels + c) * inverse;
      const double slope = -scale[entry] * inverse * inverse * product / s.rows;
      gshift[entry] = static_cast<float>(total);
      gscale[entry] = static_cast<float>(product);
      slopes[entry] = static_cast<float>(slope);
      constant[entry] = static_cast<float>(-scale[entry] * inverse * total / s.rows);
    }
  for_each_vector(s, workers, [&](int64_t offset, int64_t channel, auto lanes) {
    const Vector gradient = passed(s, x, gy, output, map, offset, channel, lanes);
    const Vector distance = load_some(x + offset, lanes) - load_some(mean + channel, lanes);
    const Vector value = distance * load_some(slopes + channel, lanes) + load_some(constant + channel, lanes);
    store_some(gx + offset, gradient * load_some(map.factor + channel, lanes) + value, lanes);
  });
}

}  // namespace
}  // namespace madi
