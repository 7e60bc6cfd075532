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
  const float* ahead;  // what to ask memory for meanwhile, up to `ahead_end`
  const float* ahead_end;
};

// Pixels in registers for V vectors of channels: the sums, the V weights and one broadcast fill the registers.
template <int V>
constexpr int kRun = kRegisters == 32 ? (V == 1 ? 14 : V == 2 ? 14 : 7) : (V == 1 ? 12 : V == 2 ? 6 : 3);

template <int P, int V>
inline void write(const Block& block, Vector (&sum)[P][V]) {
  for (int v = 0; v < V; ++v) {
    const int64_t count = block.out_channels - v * kLanes;
    if (count <= 0) return;
    const Vector bias = block.bias ? load_some(block.bias + v * kLanes, count) : Vector{};
    for (int p = 0; p < P; ++p) {
      const Vector value = sum[p][v] + bias;
      store_some(block.out + p * block.out_step + v * kLanes, block.relu ? positive_part(value) : value, count);
    }
  }
}

// out[p] = sum over taps and channels c of image[p + tap, c] weights[tap, c]
template <int Step, int P, int V>
void correlate(const Block& block) {
  Vector sum[P][V] = {};
  const float* plane = block.image;
  const float* plane_weights = block.weights;
  const float* ahead = block.ahead;
  for (int64_t left = block.channels; left > 0; left -= Step, plane += block.plane) {
    const int64_t channels = left < Step ? left : Step;
    const float* weights = plane_weights + block.first_tap * channels * V * kLanes;
    plane_weights += block.all_taps * channels * V * kLanes;
    for (int64_t tap = 0; tap < block.taps; ++tap) {
      const float* x = plane + block.offsets[tap];
      // A few lines for each tap: many at once would keep the misses of this loop itself waiting.
      for (int line = 0; line < 2 && ahead < block.ahead_end; ++line, ahead += 16) __builtin_prefetch(ahead, 0, 2);
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
  const float* ahead = block.ahead;
  const int64_t lines = (block.ahead_end - ahead) / 16;
  const int64_t runs = ceiling(columns, kRun<V>);
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t begin = part_begin(columns, runs, run);
    block.image = image + begin * Step;
    block.ahead = ahead + part_begin(lines, runs, run) * 16;
    block.ahead_end = ahead + part_begin(lines, runs, run + 1) * 16;
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

// How many of the `left` vectors of output channels the next block takes, for rows of `columns` pixels.
inline int64_t block_vectors(int64_t left, int64_t columns) {
  if (left >= 4 && columns <= kRun<4>) return 4;
  return left >= 2 ? 2 : 1;
}

}  // namespace
}  // namespace madi
