// The three products of a dense layer, for matrices that fit the second-level cache.
//
// All are C = A B + start with A read by single elements, B by vectors along its columns.  A block of columns of B is
// copied first, into rows of whole vectors padded with zeros: aligned, without gaps, and no mask in the inner loop.
// Where B is the transpose of what lies in memory the copy turns it.
// Each element of C is one sum in the order of the inner index, however the work is cut.
#pragma once

#include "tiles.h"

namespace madi {
namespace {

constexpr int64_t kBlockColumns = 2 * kLanes;
constexpr int64_t kPartRows = 48;           // of C in one part at least: fewer would make the copying of B show
constexpr int64_t kTurnedPartRows = 192;    // where the copy turns B, which takes four times as long
constexpr int64_t kPartSteps = 32 * 1024;   // multiply-adds of vectors in one part at least, about 10 microseconds
constexpr int64_t kWakeSteps = 48 * 1024;   // of the whole product, that pay for waking a thread

// Half a vector takes half the time, and the last columns often fit.  The portable variant has no instructions for it.
constexpr bool kHalves = MADI_VECTOR_BYTES > 16;
typedef float Half __attribute__((vector_size(kHalves ? MADI_VECTOR_BYTES / 2 : MADI_VECTOR_BYTES)));

// Rows of C in registers beside V vectors of B and one element of A.
template <int V>
constexpr int kRunRows = kRegisters == 32 ? (V == 1 ? 16 : 12) : (V == 1 ? 8 : 6);

struct MatrixProduct {
  int64_t trials, rows, inner, columns;
  const float* a;
  int64_t a_row, a_column;  // floats from one row, from one column of A to the next
  const float* b;
  bool turned;         // B' lies at b, so that the columns of B are rows there
  const float* start;  // of every row of C, or null
  bool relu;
  float* c;
  float* column_sums;  // of B, or null
};

// `rows` rows of C, V vectors each.
struct Run {
  const MatrixProduct* product;
  const float* a;
  const float* block;  // of B, (inner, V kLanes)
  const float* start;  // (V kLanes)
  float* c;
  int64_t columns;  // of C that count
};

// ---- the inner loop

template <typename T>
constexpr int kLanesOf = sizeof(T) / 4;

template <typename T>
T load_as(const float* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof(T));
  return value;
}

// The first `columns` lanes, or all.
template <typename T>
T load_columns(const float* from, int64_t columns) {
  if (columns >= kLanesOf<T>) return load_as<T>(from);
  T value = {};
  for (int lane = 0; lane < kLanesOf<T>; ++lane)
    if (lane < columns) value[lane] = from[lane];
  return value;
}

template <typename T>
void store_columns(float* to, T value, int64_t columns) {
  if (columns >= kLanesOf<T>) {
    __builtin_memcpy(to, &value, sizeof(T));
  } else {
    for (int lane = 0; lane < kLanesOf<T>; ++lane)
      if (lane < columns) to[lane] = value[lane];
  }
}

// R rows of C and V vectors of type T.
template <typename T, int V, int R>
void multiply(const Run& run) {
  constexpr int lanes = kLanesOf<T>;
  T sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[r][v] = load_as<T>(run.start + v * lanes);
  const float* a[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) a[r] = run.a + r * run.product->a_row;
  const float* b = run.block;
  const int64_t end = run.product->inner, step = run.product->a_column;
  for (int64_t inner = 0, place = 0; inner < end; ++inner, place += step, b += V * lanes) {
    T factor[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) factor[v] = load_as<T>(b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] += a[r][place] * factor[v];
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const T value = run.product->relu ? (sum[r][v] < T{} ? T{} : sum[r][v]) : sum[r][v];  // a NaN stays
      store_columns(run.c + r * run.product->columns + v * lanes, value, run.columns - v * lanes);
    }
}

template <typename T, int V, int R>
void multiply_run(const Run& run, int64_t rows) {
  if (rows == R) {
    multiply<T, V, R>(run);
  } else if constexpr (R > 1) {
    multiply_run<T, V, R - 1>(run, rows);
  }
}

// ---- a block of B

template <typename T, int V>
void copy_block(const MatrixProduct& p, const float* b, int64_t columns, float* to) {
  constexpr int lanes = kLanesOf<T>;
  for (int64_t inner = 0; inner < p.inner; ++inner, b += p.columns, to += V * lanes)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const T value = load_columns<T>(b + v * lanes, columns - v * lanes);
      __builtin_memcpy(to + v * lanes, &value, sizeof(T));
    }
}

// The same of columns that lie as rows from b on.
template <typename T, int V>
void turn_block(const MatrixProduct& p, const float* b, int64_t columns, float* to) {
  constexpr int64_t width = V * kLanesOf<T>;
  if (columns < width) zero(to, p.inner * width);
  for (int64_t column = 0; column < columns; ++column, b += p.inner, ++to)
    for (int64_t inner = 0; inner < p.inner; ++inner) to[inner * width] = b[inner];
}

template <typename T, int V>
void sum_block(const MatrixProduct& p, const float* block, int64_t columns, float* sums) {
  constexpr int lanes = kLanesOf<T>;
  T sum[V] = {};
  for (int64_t inner = 0; inner < p.inner; ++inner, block += V * lanes)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[v] += load_as<T>(block + v * lanes);
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) store_columns(sums + v * lanes, sum[v], columns - v * lanes);
}

// ---- one part of C: some rows of one block of columns

struct Part {
  int64_t trial, begin, end;
};

template <typename T, int V>
void multiply_block(const MatrixProduct& p, const Part& part, int64_t column) {
  constexpr int64_t width = V * kLanesOf<T>;
  float* start = scratch(Purpose::weights, (p.inner + 1) * width);
  float* block = start + width;
  const int64_t columns = least(p.columns - column, width), entry = part.trial * p.columns + column;
  const float* b = p.b + part.trial * p.inner * p.columns;
  if (p.turned) turn_block<T, V>(p, b + column * p.inner, columns, block);
  else copy_block<T, V>(p, b + column, columns, block);
  for (int64_t k = 0; k < width; ++k) start[k] = p.start && k < columns ? p.start[entry + k] : 0.0f;
  if (p.column_sums && part.begin == 0) sum_block<T, V>(p, block, columns, p.column_sums + entry);

  const float* a = p.a + part.trial * p.rows * p.inner;
  float* c = p.c + part.trial * p.rows * p.columns + column;
  const int64_t rows = part.end - part.begin, runs = ceiling(rows, kRunRows<V>);
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t first = part.begin + part_begin(rows, runs, run);
    const int64_t count = part.begin + part_begin(rows, runs, run + 1) - first;
    multiply_run<T, V, kRunRows<V>>({&p, a + first * p.a_row, block, start, c + first * p.columns, columns}, count);
  }
}

// Task `task` of the product: `parts` parts of the rows times the blocks of columns times the trials.
inline void multiply_task(const MatrixProduct& p, int64_t parts, int64_t blocks, int64_t task) {
  const int64_t part = task % parts, column = task / parts % blocks * kBlockColumns;
  const Part rows = {task / parts / blocks, part_begin(p.rows, parts, part), part_begin(p.rows, parts, part + 1)};
  const int64_t columns = p.columns - column;
  if (columns > kLanes) multiply_block<Vector, 2>(p, rows, column);
  else if (columns > kLanesOf<Half>) multiply_block<Vector, 1>(p, rows, column);
  else multiply_block<Half, 1>(p, rows, column);
}

inline void multiply_matrices(const MatrixProduct& p, Workers& workers) {
  const int64_t blocks = ceiling(p.columns, kBlockColumns);
  const int64_t steps = p.rows * p.inner * ceiling(p.columns, kLanes);
  const bool alone = p.trials * steps < kWakeSteps;
  const int64_t few = least(p.rows / (p.turned ? kTurnedPartRows : kPartRows), steps / kPartSteps);
  const int64_t parts = alone ? 1 : most(least(few, 4 * workers.threads()), 1);
  const int64_t tasks = p.trials * blocks * parts;
  if (alone) {
    for (int64_t task = 0; task < tasks; ++task) multiply_task(p, parts, blocks, task);
  } else {
    workers.each(tasks, [&](int64_t task) { multiply_task(p, parts, blocks, task); });
  }
}

// ---- the products

inline void dense_forward(const Dense& s, const float* x, const float* weight, const float* bias, bool relu, float* y,
                          Workers& workers) {
  multiply_matrices({s.trials, s.rows, s.inputs, s.outputs, x, s.inputs, 1, weight, false, bias, relu, y, nullptr},
                    workers);
}

inline void dense_input_gradient(const Dense& s, const float* gy, const float* weight, float* gx, Workers& workers) {
  multiply_matrices({s.trials, s.rows, s.outputs, s.inputs, gy, s.outputs, 1, weight, true, nullptr, false, gx, nullptr},
                    workers);
}

inline void dense_weight_gradient(const Dense& s, const float* x, const float* gy, float* gweight, float* gbias,
                                  Workers& workers) {
  multiply_matrices({s.trials, s.inputs, s.rows, s.outputs, x, 1, s.inputs, gy, false, nullptr, false, gweight, gbias},
                    workers);
}

}  // namespace
}  // namespace madi
