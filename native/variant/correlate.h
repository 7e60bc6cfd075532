// The inner loop of the forward pass and of the gradient of the input.
#pragma once

#include "tiles.h"

namespace madi {
namespace {

// A run of output pixels of one row, and some vectors of output channels.
struct Block {
  const float* image;      // where the run's first pixel stands in plane 0
  int64_t plane;           // floats of a plane
  int64_t channels;        // input channels
  const int32_t* offsets;  // of the taps in use
  int64_t taps;            // in use: those that fall into padding above or below are left out
  int64_t first_tap, all_taps;
  const float* weights;  // of all taps, in the order of the loops: plane, tap, channel of the plane, output channel
  float* out;            // first output pixel, first channel of the block
  int64_t out_step;      // floats from one output pixel to the next
  int64_t out_channels;  // of this block, at most V kLanes
  const float* bias;     // of this block, or null
  bool relu;
  bool accumulate;  // adds to what stands in `out`
  Ahead* ahead;     // what to ask memory for meanwhile, or null
};

// Pixels in registers for V vectors of channels: the sums, the V weights and one broadcast fill the registers.
template <int V>
constexpr int kRun = kRegisters == 32 ? (V == 1 ? 14 : V == 2 ? 14 : 7) : (V == 1 ? 12 : V == 2 ? 6 : 3);

// Every index of the sums must be known while compiling, or they go to memory and back.
template <int P, int V>
inline void write(const Block& block, Vector (&sum)[P][V]) {
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    const int64_t count = block.out_channels - v * kLanes;
    if (count <= 0) return;
    if (block.bias) {
      const Vector bias = load_some(block.bias + v * kLanes, count);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) sum[p][v] += bias;
    }
    if (block.relu)
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) sum[p][v] = positive_part(sum[p][v]);
    float* out = block.out + v * kLanes;
    if (count >= kLanes) {
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p, out += block.out_step) store(out, sum[p][v]);
    } else {
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p, out += block.out_step) store_part(out, sum[p][v], count);
    }
  }
}

template <int P, int V>
inline void start(const Block& block, Vector (&sum)[P][V]) {
  if (!block.accumulate) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[p][v] = Vector{};
    return;
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    const int64_t count = block.out_channels - v * kLanes;
    const float* out = block.out + v * kLanes;
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p, out += block.out_step)
      sum[p][v] = count >= kLanes ? load(out) : count > 0 ? load_part(out, count) : Vector{};
  }
}

// out[p] = sum over taps and channels c of image[p + tap, c] weights[tap, c]
template <int Step, int P, int V>
void correlate(const Block& block) {
  Vector sum[P][V];
  start<P, V>(block, sum);
  const float* plane = block.image;
  const float* plane_weights = block.weights;
  // The outputs come nearer before they are written, those of the next run where these were read just now.
  const float* out = block.accumulate ? block.out + P * block.out_step : block.out;
  const float* out_end = out + P * block.out_step;
  const int64_t out_rows = ceiling(P * Step, most(block.channels, 1));  // at a time
  for (int64_t left = block.channels; left > 0; left -= Step, plane += block.plane) {
    const int64_t channels = left < Step ? left : Step;
    if (block.ahead) block.ahead->fetch();
    for (int64_t p = 0; p < out_rows && out < out_end; ++p, out += block.out_step)
      for (int v = 0; v < V; ++v) __builtin_prefetch(out + v * kLanes, 1, 3);
    const float* weights = plane_weights + block.first_tap * channels * V * kLanes;
    plane_weights += block.all_taps * channels * V * kLanes;
    for (int64_t tap = 0; tap < block.taps; ++tap) {
      const float* x = plane + block.offsets[tap];
      for (int64_t c = 0; c < channels; ++c, ++x, weights += V * kLanes) {
        Vector weight[V];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) weight[v] = load(weights + v * kLanes);
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sum[p][v] += x[p * Step] * weight[v];
      }
    }
  }
  write<P, V>(block, sum);
}

// ---- dispatch on the length of the run and the number of vectors

template <int Step, int V, int P>
void correlate_run(const Block& block, int64_t pixels) {
  if (pixels == P) {
    correlate<Step, P, V>(block);
  } else if constexpr (P > 1) {
    correlate_run<Step, V, P - 1>(block, pixels);
  }
}

// A row of output pixels, cut into runs of nearly equal length.
template <int Step, int V>
void correlate_row(Block block, int64_t columns) {
  const float* image = block.image;
  float* out = block.out;
  const int64_t runs = ceiling(columns, kRun<V>);
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t begin = part_begin(columns, runs, run);
    block.image = image + begin * Step;
    block.out = out + begin * block.out_step;
    correlate_run<Step, V, kRun<V>>(block, part_begin(columns, runs, run + 1) - begin);
  }
}

template <int Step>
void correlate_row(const Block& block, int64_t columns, int64_t vectors) {
  if (vectors == 1) correlate_row<Step, 1>(block, columns);
  if (vectors == 2) correlate_row<Step, 2>(block, columns);
  if (vectors == 4) correlate_row<Step, 4>(block, columns);
}

inline void correlate_row(const Block& block, int64_t columns, int64_t vectors, int64_t channel_step) {
  if (channel_step == 1) {
    correlate_row<1>(block, columns, vectors);
  } else {
    correlate_row<kPlaneChannels>(block, columns, vectors);
  }
}

// Strides of the weights as (tap, input channel, output channel) of the correlation.
struct WeightSteps {
  int64_t tap, input, output;
};

// `channels` rows of `lanes` floats, of which `outputs` exist; the others are zero.
inline void pack_rows(const float* from, const WeightSteps& steps, int64_t channels, int64_t outputs, int64_t lanes,
                      float* to) {
  if (steps.output == 1 && outputs == lanes && lanes % kLanes == 0) {
    for (int64_t c = 0; c < channels; ++c, from += steps.input, to += lanes)
      for (int64_t o = 0; o < lanes; o += kLanes) store(to + o, load(from + o));
    return;
  }
  for (int64_t o = 0; o < lanes; ++o)
    for (int64_t c = 0; c < channels; ++c)
      to[c * lanes + o] = o < outputs ? from[c * steps.input + o * steps.output] : 0.0f;
}

// How many of the `left` vectors of output channels the next block takes, for rows of `columns` pixels.
inline int64_t block_vectors(int64_t left, int64_t columns) {
  if (left >= 4 && columns <= kRun<4>) return 4;
  return left >= 2 ? 2 : 1;
}

}  // namespace
}  // namespace madi
