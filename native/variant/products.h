// The inner loop of the gradient of the weights.
#pragma once

#include "tiles.h"

namespace madi {
namespace {

// A tile of the image and the same tile of gy, both in the order of the inner loop.
struct Patch {
  const float* image;
  const float* gradient;
  int64_t row;  // the first of its rows among those of y
  int64_t rows, columns;
};

// Rows of the weight (a tap and an input channel each) times some vectors of output channels, over all pixels of patches.
struct Products {
  const Patch* patches;
  int64_t count;
  int64_t image_row;       // floats from one row of output pixels to the next, in the image
  int64_t gradient_row;    // and in gy
  int64_t gradient_step;   // floats from one pixel of gy to the next
  int64_t gradient_plane;  // floats from one vector of gy to the next
  const int32_t* offsets;  // of the rows in the image; of the first alone, where the rows are neighbouring channels
  float* sums;             // (rows, V kLanes)
  Ahead* ahead;            // two of what to ask memory for meanwhile, or null
};

// Rows of the weight in registers for V vectors.
template <int V>
constexpr int kProductRows = kRegisters == 32 ? (V == 1 ? 16 : 8) : (V == 1 ? 8 : 6);

// Rows anywhere in the image need a pointer each, and there are few.
constexpr int kScatteredRows = kRegisters == 32 ? 8 : 6;

// sums[r] += sum over pixels p of image[p + offset r] gy[p]
template <int Step, bool Neighbours, int R, int V>
void accumulate(const Products& work) {
  Vector sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = load(work.sums + (r * V + v) * kLanes);
  for (int64_t patch = 0; patch < work.count; ++patch) {
    const float* image = work.patches[patch].image + (Neighbours ? work.offsets[0] : 0);
    const float* gradient = work.patches[patch].gradient;
    const int64_t columns = work.patches[patch].columns;
    for (int64_t row = 0; row < work.patches[patch].rows; ++row) {
      if (Neighbours && work.ahead) work.ahead[0].fetch(), work.ahead[1].fetch();
      const float* x[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) x[r] = image + (Neighbours ? r : work.offsets[r]);
      const float* gy = gradient;
      for (int64_t p = 0; p < columns * Step; p += Step, gy += work.gradient_step) {
        Vector factor[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) factor[v] = load(gy + v * work.gradient_plane);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) sum[r][v] += x[r][p] * factor[v];
      }
      image += work.image_row;
      gradient += work.gradient_row;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(work.sums + (r * V + v) * kLanes, sum[r][v]);
}

// sums += sum over pixels of gy, for one vector.
inline void accumulate_bias(const Products& work) {
  Vector even = load(work.sums), odd = {};
  for (int64_t patch = 0; patch < work.count; ++patch) {
    const float* gradient = work.patches[patch].gradient;
    for (int64_t row = 0; row < work.patches[patch].rows; ++row, gradient += work.gradient_row) {
      const float* gy = gradient;
      int64_t left = work.patches[patch].columns;
      for (; left >= 2; left -= 2, gy += 2 * work.gradient_step) {
        even += load(gy);
        odd += load(gy + work.gradient_step);
      }
      if (left > 0) even += load(gy);
    }
  }
  store(work.sums, even + odd);
}

// ---- dispatch on the number of rows

template <int Step, bool Neighbours, int V, int R>
void accumulate_run(const Products& work, int64_t rows) {
  if (rows == R) {
    accumulate<Step, Neighbours, R, V>(work);
  } else if constexpr (R > 1) {
    accumulate_run<Step, Neighbours, V, R - 1>(work, rows);
  }
}

// `rows` neighbouring channels of one tap, which begin at `offset`.
template <int V>
void accumulate_channels(Products work, int64_t rows, int64_t offset) {
  float* sums = work.sums;
  const int64_t runs = ceiling(rows, kProductRows<V>);
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t begin = part_begin(rows, runs, run);
    const int32_t first = static_cast<int32_t>(offset + begin);
    work.offsets = &first;
    work.sums = sums + begin * V * kLanes;
    accumulate_run<kPlaneChannels, true, V, kProductRows<V>>(work, part_begin(rows, runs, run + 1) - begin);
  }
}

// `rows` rows at offsets of their own.
template <int Step, int V>
void accumulate_scattered(Products work, int64_t rows, const int32_t* offsets) {
  float* sums = work.sums;
  const int64_t runs = ceiling(rows, kScatteredRows);
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t begin = part_begin(rows, runs, run);
    work.offsets = offsets + begin;
    work.sums = sums + begin * V * kLanes;
    accumulate_run<Step, false, V, kScatteredRows>(work, part_begin(rows, runs, run + 1) - begin);
  }
}

}  // namespace
}  // namespace madi
