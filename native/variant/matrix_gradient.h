// The gradient of the weight where it is a product of matrices: gW = x' gy.
//
// The weight is cut into blocks, and only where these are too few the rows into parts, each with partial sums of its
// own, which are added in their order.
#pragma once

#include "matrix.h"
#include "products.h"

namespace madi {
namespace {

constexpr int64_t kGradientRows = 192;       // of a panel: a plane of x and two of gy about fill the first-level cache
constexpr int64_t kGradientBlock = 256;      // channels of a block each way: sums and panels fit the second-level cache
constexpr int64_t kSmallBlock = 128;         // smaller ones would make the copying of panels show
constexpr int64_t kGradientPartRows = 1024;  // fewer would make adding up the parts show
constexpr int64_t kInPlaceChannels = 64;     // gy of up to so many channels is read where it stands
constexpr int64_t kAheadRows = 32;           // between two requests for lines of the next panel
constexpr int64_t kAddedRows = 32;           // of the weight in one chunk of the adding

struct MatrixGradient {
  const Convolution* shape;
  int64_t matrices, rows, inputs, outputs;
  int64_t block_inputs, block_outputs, input_blocks, output_blocks;
  int64_t parts;

  const float* x;
  const float* gy;
  const float* output;
  float* sums;  // (matrices, blocks, parts, pairs of output vectors, inputs and one row for the bias, two vectors)
  float* gweight;
  float* gbias;
};

inline int64_t blocks(const MatrixGradient& g) { return g.input_blocks * g.output_blocks; }

// Cuts `channels` into blocks of at most `most_channels`, in whole planes.
inline void cut_channels(int64_t channels, int64_t most_channels, int64_t& block, int64_t& count) {
  const int64_t planes = ceiling(channels, kPlaneChannels);
  count = ceiling(channels, most_channels);
  block = ceiling(planes, most(count, 1)) * kPlaneChannels;
  count = ceiling(channels, most(block, 1));
}

inline void plan_gradient(MatrixGradient& g, int64_t threads) {
  const int64_t wanted = ceiling(most(4 * threads, 16), g.matrices), few = most(g.rows / kGradientPartRows, 1);
  int64_t inputs = kGradientBlock, outputs = kGradientBlock;
  for (int step = 0; step < 3; ++step) {
    cut_channels(g.inputs, inputs, g.block_inputs, g.input_blocks);
    cut_channels(g.outputs, outputs, g.block_outputs, g.output_blocks);
    if (blocks(g) * few >= wanted) break;
    (step == 0 ? inputs : outputs) = kSmallBlock;
  }
  g.parts = least(ceiling(wanted, blocks(g)), few);
}

inline int64_t block_floats(const MatrixGradient& g) {
  return (g.block_inputs + 1) * ceiling(g.block_outputs, 2 * kLanes) * 2 * kLanes;
}

struct BlockPlace {
  int64_t matrix, part;
  int64_t input, inputs, output, outputs;  // channels
  float* sums;
};

inline BlockPlace block_place(const MatrixGradient& g, int64_t chunk) {
  const int64_t block = chunk / g.parts % blocks(g);
  BlockPlace at;
  at.matrix = chunk / g.parts / blocks(g), at.part = chunk % g.parts;
  at.input = block / g.output_blocks * g.block_inputs, at.inputs = least(g.inputs - at.input, g.block_inputs);
  at.output = block % g.output_blocks * g.block_outputs, at.outputs = least(g.outputs - at.output, g.block_outputs);
  at.sums = g.sums + chunk * block_floats(g);
  return at;
}

// The sums of the pair of output vectors that begins at `channel`, row `row`.
inline float* pair_sums(const BlockPlace& at, int64_t channel, int64_t row) {
  const int64_t taken = at.outputs - channel > kLanes ? 2 : 1;
  return at.sums + channel * (at.inputs + 1) + row * taken * kLanes;
}

// Rows of x or of gy, copied or where they stand.
struct Panel {
  const float* data;
  int64_t step, plane;  // floats from one row, from one plane of channels to the next
};

// Where channel `channel` stands.
inline int64_t panel_channel(const Panel& panel, int64_t channel) {
  return channel / kPlaneChannels * panel.plane + channel % kPlaneChannels;
}

inline Panel copied(const RowSource& source, int64_t first, int64_t rows, int64_t channels, float* to) {
  copy_panel(source, first, rows, channels, panel_plane(rows), to);
  return {to, kPlaneChannels, panel_plane(rows)};
}

inline bool in_place(const RowSource& gy, int64_t channels) {
  return gy.gate == nullptr && gy.pitch <= kInPlaceChannels && channels % kPlaneChannels == 0;
}

// A block's pair of vectors of gy from `channel` on, over all rows; the sums follow.
inline Products pair_products(const Panel& x, const Panel& gy, int64_t channel) {
  Products work = {};
  work.image_row = kAheadRows * x.step, work.gradient_row = kAheadRows * gy.step, work.gradient_step = gy.step;
  work.gradient_plane = panel_channel(gy, channel + kLanes) - panel_channel(gy, channel);
  return work;
}

// All inputs of a block times V vectors of its outputs.
template <int V>
void add_channels(const BlockPlace& at, const Panel& x, int64_t channel, Products work) {
  for (int64_t input = 0; input < at.inputs; input += kPlaneChannels) {
    work.sums = pair_sums(at, channel, input);
    accumulate_channels<V>(work, least(at.inputs - input, kPlaneChannels), panel_channel(x, input));
  }
}

inline void add_bias(const BlockPlace& at, int64_t channel, int64_t vectors, Patch gy, Products work) {
  work.patches = &gy, work.count = 1, work.sums = pair_sums(at, channel, at.inputs);
  for (int64_t v = 0; v < vectors; ++v, gy.gradient += work.gradient_plane, work.sums += kLanes) accumulate_bias(work);
}

// Adds the products of `rows` rows.
inline void add_panels(const MatrixGradient& g, const BlockPlace& at, const Panel& x, const Panel& gy, int64_t rows,
                       Ahead* ahead) {
  const int64_t whole = rows / kAheadRows, done = whole * kAheadRows;
  for (int64_t channel = 0; channel < at.outputs; channel += 2 * kLanes) {
    const int64_t vectors = at.outputs - channel > kLanes ? 2 : 1;
    const float* from = gy.data + panel_channel(gy, channel);
    const Patch patches[2] = {{x.data, from, 0, whole, kAheadRows},
                              {x.data + done * x.step, from + done * gy.step, 0, 1, rows - done}};
    Products work = pair_products(x, gy, channel);
    work.patches = patches, work.count = done < rows ? 2 : 1, work.ahead = ahead;
    if (vectors == 2) add_channels<2>(at, x, channel, work);
    else add_channels<1>(at, x, channel, work);
    if (g.gbias && at.input == 0) add_bias(at, channel, vectors, {x.data, from, 0, 1, rows}, work);
  }
}

// The rows of panel `panel` of a part; none after the last.
struct RowRange {
  int64_t first, rows;
};

inline RowRange panel_rows(const MatrixGradient& g, const BlockPlace& at, int64_t panel) {
  const int64_t begin = part_begin(g.rows, g.parts, at.part), all = part_begin(g.rows, g.parts, at.part + 1) - begin;
  const int64_t panels = ceiling(all, kGradientRows);
  if (panel >= panels) return {begin + all, 0};
  const int64_t first = part_begin(all, panels, panel);
  return {begin + first, part_begin(all, panels, panel + 1) - first};
}

inline void accumulate_rows(const MatrixGradient& g, int64_t chunk) {
  const Convolution& s = *g.shape;
  const BlockPlace at = block_place(g, chunk);
  const int64_t trial = at.matrix / s.groups, group = at.matrix % s.groups;
  const RowSource x = x_rows(s, g.x, trial, group * g.inputs + at.input);
  const RowSource gy = gy_rows(s, g.gy, g.output, trial, group * g.outputs + at.output);
  float* image = scratch(Purpose::image, panel_floats(kGradientRows, at.inputs));
  float* gradient = scratch(Purpose::gradient, panel_floats(kGradientRows, at.outputs));
  const int64_t calls = ceiling(at.inputs, kProductRows<2>) * ceiling(at.outputs, 2 * kLanes);
  zero(at.sums, block_floats(g));
  RowRange range = panel_rows(g, at, 0);
  for (int64_t panel = 1; range.rows > 0; ++panel) {
    const Panel left = copied(x, range.first, range.rows, at.inputs, image);
    const Panel right = in_place(gy, at.outputs)
                            ? Panel{gy.data + range.first * gy.pitch, gy.pitch, kPlaneChannels}
                            : copied(gy, range.first, range.rows, at.outputs, gradient);
    const RowRange next = panel_rows(g, at, panel);
    const int64_t times = calls * (range.rows / kAheadRows);
    Ahead ahead[2] = {panel_ahead(x, next.first, next.rows, at.inputs, times),
                      panel_ahead(gy, next.first, next.rows, at.outputs, times)};
    add_panels(g, at, left, right, range.rows, ahead);
    range = next;
  }
}

// ---- adding the parts

// One row of a block of the weight, or of the bias, summed over the parts in their order, to `to`.
inline void add_block_row(const MatrixGradient& g, const BlockPlace& at, int64_t row, float* to) {
  for (int64_t channel = 0; channel < at.outputs; channel += kLanes) {
    const float* from = pair_sums(at, channel / (2 * kLanes) * 2 * kLanes, row) + channel / kLanes % 2 * kLanes;
    Vector sum = load(from);
    for (int64_t part = 1; part < g.parts; ++part) sum += load(from + part * block_floats(g));
    store_some(to + channel, sum, at.outputs - channel);
  }
}

// Some rows of one block.
inline void add_block(const MatrixGradient& g, int64_t chunk) {
  const Convolution& s = *g.shape;
  const int64_t ranges = ceiling(g.block_inputs, kAddedRows);
  const BlockPlace at = block_place(g, chunk / ranges * g.parts);
  const int64_t trial = at.matrix / s.groups, output = at.matrix % s.groups * g.outputs + at.output;
  const int64_t begin = chunk % ranges * kAddedRows, end = least(begin + kAddedRows, at.inputs);
  for (int64_t row = begin; row < end; ++row)
    add_block_row(g, at, row, g.gweight + (trial * g.inputs + at.input + row) * s.out_channels + output);
  if (g.gbias && at.input == 0 && begin == 0)
    add_block_row(g, at, at.inputs, g.gbias + trial * s.out_channels + output);
}

inline void matrix_weight_gradient(const Convolution& s, const float* x, const float* gy, const float* output,
                                   float* gweight, float* gbias, Workers& workers) {
  MatrixGradient g = {};
  g.shape = &s, g.matrices = s.trials * s.groups, g.rows = rows_of_trial(s);
  g.inputs = in_group(s), g.outputs = out_group(s);
  g.x = x, g.gy = gy, g.output = output, g.gweight = gweight, g.gbias = gbias;
  plan_gradient(g, workers.threads());
  g.sums = scratch(Purpose::partial_sums, g.matrices * blocks(g) * g.parts * block_floats(g));
  workers.each(g.matrices * blocks(g) * g.parts, [&g](int64_t chunk) { accumulate_rows(g, chunk); });
  workers.each(g.matrices * blocks(g) * ceiling(g.block_inputs, kAddedRows),
               [&g](int64_t chunk) { add_block(g, chunk); });
}

}  // namespace
}  // namespace madi
