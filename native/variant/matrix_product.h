// The forward pass and the gradient of the input where they are products of matrices.
#pragma once

#include "correlate.h"
#include "matrix.h"

namespace madi {
namespace {

constexpr int64_t kInnerPart = 256;          // input channels at a time: two vectors of their weights stay close
constexpr int64_t kPanelFloats = 64 * 1024;  // a panel fits the second-level cache beside the outputs in work
constexpr int64_t kLeastRows = 8 * kRun<2>;  // of a panel
constexpr int64_t kLeastVectors = 8;         // of output channels in a chunk

struct RowProduct {
  const Convolution* shape;
  int64_t matrices, rows, inputs, outputs;  // one matrix for each group of each trial
  WeightSteps steps;
  bool forward;

  // the plan
  int64_t inner_parts, inner;  // parts of the inputs, and the most of them in one
  int64_t panels, panel_rows;
  int64_t ranges, vectors;     // of the outputs; vectors in all
  int64_t weight_floats;       // packed, of one matrix

  // the arrays
  const float* source;
  const float* gate;
  const float* bias;
  bool relu;
  float* packed;
  float* out;
};

inline void plan_product(RowProduct& p, int64_t threads) {
  p.inner_parts = most(ceiling(p.inputs, kInnerPart), 1);
  p.inner = ceiling(ceiling(p.inputs, p.inner_parts), kPlaneChannels) * kPlaneChannels;
  p.inner_parts = most(ceiling(p.inputs, most(p.inner, 1)), 1);
  p.vectors = ceiling(p.outputs, kLanes);
  const int64_t wanted = ceiling(kRunsPerThread * threads, p.matrices);
  const int64_t most_rows = most(kPanelFloats / most(p.inner, 1), kLeastRows);
  p.panels = most(ceiling(p.rows, most_rows), least(wanted, p.rows / kLeastRows));
  p.panel_rows = ceiling(ceiling(p.rows, most(p.panels, 1)), kRun<2>) * kRun<2>;
  p.panels = ceiling(p.rows, p.panel_rows);
  p.ranges = most(least(ceiling(wanted, p.panels), p.vectors / kLeastVectors), 1);
  p.weight_floats = p.inputs * p.vectors * kLanes;
}

// Calls visit(first vector, vectors) for the blocks of two vectors, or one, of a range of output channels.
template <typename Visit>
void for_each_pair(const RowProduct& p, int64_t range, Visit visit) {
  const int64_t pairs = ceiling(p.vectors, 2), end = part_begin(pairs, p.ranges, range + 1);
  for (int64_t pair = part_begin(pairs, p.ranges, range); pair < end; ++pair)
    visit(2 * pair, least(p.vectors - 2 * pair, 2));
}

// Where the weights of input channels [first, first + count) and of output vectors from `vector` on lie in a matrix.
inline int64_t weight_place(const RowProduct& p, int64_t first, int64_t count, int64_t vector) {
  return (first * p.vectors + count * vector) * kLanes;
}

// The weights of one range of outputs and one part of the inputs.
inline void pack_product(const RowProduct& p, const float* weight, int64_t chunk) {
  const Convolution& s = *p.shape;
  const int64_t matrix = chunk / (p.inner_parts * p.ranges), first = chunk / p.ranges % p.inner_parts * p.inner;
  const int64_t count = least(p.inputs - first, p.inner);
  const float* from = weight + matrix / s.groups * in_group(s) * s.out_channels + matrix % s.groups * out_group(s);
  for_each_pair(p, chunk % p.ranges, [&](int64_t vector, int64_t taken) {
    float* to = p.packed + matrix * p.weight_floats + weight_place(p, first, count, vector);
    for (int64_t k = 0; k < count; k += kPlaneChannels, to += kPlaneChannels * taken * kLanes)
      pack_rows(from + (first + k) * p.steps.input + vector * kLanes * p.steps.output, p.steps,
                least(count - k, kPlaneChannels), least(p.outputs - vector * kLanes, taken * kLanes), taken * kLanes,
                to);
  });
}

inline RowSource source_of(const RowProduct& p, int64_t matrix, int64_t channel) {
  const Convolution& s = *p.shape;
  const int64_t trial = matrix / s.groups, first = matrix % s.groups * p.inputs + channel;
  return p.forward ? x_rows(s, p.source, trial, first) : gy_rows(s, p.source, p.gate, trial, first);
}

struct PanelPlace {
  int64_t matrix, range, row, rows;
};

inline PanelPlace panel_place(const RowProduct& p, int64_t index) {
  const int64_t row = index % p.panels * p.panel_rows;
  return {index / p.panels / p.ranges, index / p.panels % p.ranges, row, least(p.rows - row, p.panel_rows)};
}

// Adds the products of input channels [first, first + count), which stand in `panel`.
inline void multiply_panel(const RowProduct& p, const PanelPlace& at, int64_t first, int64_t count, const float* panel,
                           Ahead* ahead) {
  const Convolution& s = *p.shape;
  const int32_t offset = 0;
  const int64_t pitch = p.outputs * s.groups, channel = at.matrix % s.groups * p.outputs;
  Block block = {};
  block.image = panel, block.plane = panel_plane(at.rows), block.channels = count;
  block.offsets = &offset, block.taps = block.all_taps = 1, block.out_step = pitch;
  block.accumulate = first > 0, block.ahead = ahead;
  const bool last = first + count == p.inputs;
  block.relu = last && p.relu;
  float* out = p.out + (at.matrix / s.groups * p.rows + at.row) * pitch + channel;
  for_each_pair(p, at.range, [&](int64_t vector, int64_t taken) {
    block.weights = p.packed + at.matrix * p.weight_floats + weight_place(p, first, count, vector);
    block.out = out + vector * kLanes;
    block.out_channels = p.outputs - vector * kLanes;
    block.bias = last && p.bias ? p.bias + at.matrix / s.groups * pitch + channel + vector * kLanes : nullptr;
    correlate_row<kPlaneChannels>(block, at.rows, taken);
  });
}

// Panel `index`, part by part of the inputs; meanwhile the next one comes nearer.
inline void multiply_panels(const RowProduct& p, int64_t index, bool last) {
  const PanelPlace at = panel_place(p, index), next = panel_place(p, last ? index : index + 1);
  float* panel = scratch(Purpose::image, panel_floats(p.panel_rows, p.inner));
  const int64_t pairs = ceiling(p.vectors, 2) / p.ranges;
  for (int64_t part = 0; part < p.inner_parts; ++part) {
    const int64_t first = part * p.inner, count = least(p.inputs - first, p.inner);
    copy_panel(source_of(p, at.matrix, first), at.row, at.rows, count, panel_plane(at.rows), panel);
    const int64_t times = at.rows / kRun<2> * pairs * ceiling(count, kPlaneChannels);
    const bool ends = part + 1 == p.inner_parts;
    const PanelPlace& then = ends ? next : at;
    const int64_t channel = ends ? 0 : first + p.inner;
    Ahead ahead = ends && last ? Ahead{} : panel_ahead(source_of(p, then.matrix, channel), then.row, then.rows,
                                                       least(p.inputs - channel, p.inner), times);
    multiply_panel(p, at, first, count, panel, &ahead);
  }
}

inline void run_product(RowProduct& p, const float* weight, Workers& workers) {
  const Convolution& s = *p.shape;
  p.matrices = s.trials * s.groups, p.rows = rows_of_trial(s);
  if (p.matrices * p.rows * p.outputs == 0) return;
  plan_product(p, workers.threads());
  p.packed = scratch(Purpose::weights, p.matrices * p.weight_floats);
  workers.each(p.matrices * p.inner_parts * p.ranges, [&](int64_t chunk) { pack_product(p, weight, chunk); });
  each_in_runs(workers, p.matrices * p.ranges * p.panels,
               [&](int64_t panel, bool last) { multiply_panels(p, panel, last); });
}

inline void matrix_forward(const Convolution& s, const float* x, const float* weight, const float* bias, bool relu,
                           float* y, Workers& workers) {
  RowProduct p = {};
  p.shape = &s, p.inputs = in_group(s), p.outputs = out_group(s), p.steps = {0, s.out_channels, 1}, p.forward = true;
  p.source = x, p.bias = bias, p.relu = relu, p.out = y;
  run_product(p, weight, workers);
}

inline void matrix_input_gradient(const Convolution& s, const float* gy, const float* output, const float* weight,
                                  float* gx, Workers& workers) {
  RowProduct p = {};
  p.shape = &s, p.inputs = out_group(s), p.outputs = in_group(s), p.steps = {0, 1, s.out_channels};
  p.source = gy, p.gate = output, p.out = gx;
  run_product(p, weight, workers);
}

}  // namespace
}  // namespace madi
