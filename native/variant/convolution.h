// Layer 2 of the forward pass and of the input gradient: one correlation of a source image with packed weights, cut into
// tiles.
#pragma once

#include "correlate.h"
#include "matrix_product.h"
#include "taps.h"
#include "winograd_correlate.h"

namespace madi {
namespace {

constexpr int64_t kTileFloats = 48 * 1024;  // a tile stays in the second-level cache beside the weights
constexpr int64_t kTileColumns = 112;
constexpr int64_t kTilesPerThread = 4;

struct Correlation {
  const Convolution* shape;
  Direction rows, columns;
  Reach reach;
  int64_t source_height, source_width, source_channels;  // channels: of one group
  int64_t height, width, channels;                       // of the output
  WeightSteps steps;
  bool forward;

  // the plan
  int64_t tile_rows, tile_columns, row_tiles, column_tiles;
  Layout layout;
  int64_t weight_floats;  // packed, of one group of one trial
  int32_t* offsets;       // of all phases, one after the other

  // the arrays
  const float* source;
  const float* gate;
  const float* packed;
  const float* bias;
  bool relu;
  float* out;
};

inline Reach reach_of(const Direction& rows, const Direction& columns) {
  return {rows.step, columns.step, rows.first, rows.last, columns.first, columns.last};
}

inline Correlation forward_correlation(const Convolution& s) {
  Correlation c = {};
  c.shape = &s;
  c.forward = true;
  c.rows = forward_direction(rows_of(s));
  c.columns = forward_direction(columns_of(s));
  c.source_height = s.height, c.source_width = s.width, c.source_channels = in_group(s);
  c.height = s.out_height, c.width = s.out_width, c.channels = out_group(s);
  c.steps = {in_group(s) * s.out_channels, s.out_channels, 1};
  return c;
}

inline Correlation backward_correlation(const Convolution& s) {
  Correlation c = {};
  c.shape = &s;
  c.rows = backward_direction(rows_of(s));
  c.columns = backward_direction(columns_of(s));
  c.source_height = s.out_height, c.source_width = s.out_width, c.source_channels = out_group(s);
  c.height = s.height, c.width = s.width, c.channels = in_group(s);
  c.steps = {in_group(s) * s.out_channels, 1, s.out_channels};
  return c;
}

// ---- the plan

inline void plan_tiles(Correlation& c, int64_t threads) {
  const int64_t images = c.shape->trials * c.shape->images * c.shape->groups;
  c.reach = reach_of(c.rows, c.columns);
  c.column_tiles = ceiling(c.columns.positions, kTileColumns);
  c.tile_columns = ceiling(c.columns.positions, c.column_tiles);
  const int64_t wanted = ceiling(kTilesPerThread * threads, images * c.column_tiles);
  c.tile_rows = most(c.rows.positions / most(wanted, 1), 1);
  while (c.tile_rows > 1 && layout_of(c.reach, c.source_channels, c.tile_rows, c.tile_columns).floats() > kTileFloats)
    c.tile_rows = ceiling(c.tile_rows, 2);
  c.row_tiles = ceiling(c.rows.positions, c.tile_rows);
  c.tile_rows = ceiling(c.rows.positions, c.row_tiles);
  c.layout = layout_of(c.reach, c.source_channels, c.tile_rows, c.tile_columns);
  c.weight_floats = taps(*c.shape) * c.source_channels * ceiling(c.channels, kLanes) * kLanes;
}

// ---- phases

struct Phase {
  int64_t row, column;
  AxisTaps rows, columns;
  int64_t taps_before;  // of earlier phases

  int64_t taps() const __attribute__((always_inline)) { return rows.count * columns.count; }
};

// Calls visit(phase) for each phase in turn.  `memory` holds the taps of one phase.
template <typename Visit>
void for_each_phase(const Correlation& c, AxisTap* memory, Visit visit) {
  const Axis rows = rows_of(*c.shape), columns = columns_of(*c.shape);
  int64_t before = 0;
  for (int64_t row = 0; row < c.rows.phases; ++row)
    for (int64_t column = 0; column < c.columns.phases; ++column) {
      Phase phase = {row, column, {}, {}, before};
      phase.rows = c.forward ? forward_taps(rows, memory) : backward_taps(rows, row, memory);
      phase.columns =
          c.forward ? forward_taps(columns, memory + rows.kernel) : backward_taps(columns, column, memory + rows.kernel);
      before += phase.taps();
      visit(phase);
    }
}

// Floats that hold the taps of one phase.
inline int64_t tap_memory(const Convolution& s) {
  return (s.kernel_height + s.kernel_width) * static_cast<int64_t>(sizeof(AxisTap) / sizeof(float));
}

inline void write_offsets(const Correlation& c, const Phase& phase) {
  int32_t* to = c.offsets + phase.taps_before;
  for (int64_t k = 0; k < phase.rows.count; ++k)
    for (int64_t l = 0; l < phase.columns.count; ++l)
      *to++ = static_cast<int32_t>(
          tap_offset(c.layout, c.reach, phase.rows.taps[k].offset, phase.columns.taps[l].offset));
}

// ---- the weights, in the order in which `correlate` reads them

// The block of output channels [first, first + lanes) of one phase.
inline void pack_block(const Correlation& c, const Phase& phase, const float* weight, int64_t first, int64_t lanes,
                       float* to) {
  for (int64_t plane = 0; plane < c.source_channels; plane += c.layout.channel_step)
    for (int64_t k = 0; k < phase.rows.count; ++k)
      for (int64_t l = 0; l < phase.columns.count; ++l) {
        const int64_t tap = phase.rows.taps[k].index * c.shape->kernel_width + phase.columns.taps[l].index;
        const float* from = weight + tap * c.steps.tap + plane * c.steps.input + first * c.steps.output;
        const int64_t channels = least(c.source_channels - plane, c.layout.channel_step);
        pack_rows(from, c.steps, channels, least(lanes, c.channels - first), lanes, to);
        to += channels * lanes;
      }
}

// Calls visit(first output channel, vectors) for each block of output channels.
template <typename Visit>
void for_each_block(const Correlation& c, Visit visit) {
  const int64_t vectors = ceiling(c.channels, kLanes);
  for (int64_t v = 0, taken; v < vectors; v += taken) {
    taken = block_vectors(vectors - v, c.tile_columns);
    visit(v * kLanes, taken);
  }
}

inline void pack_weights(const Correlation& c, const float* weight, AxisTap* memory, float* to) {
  for_each_phase(c, memory, [&](const Phase& phase) {
    float* start = to + phase.taps_before * c.source_channels * ceiling(c.channels, kLanes) * kLanes;
    for_each_block(c, [&](int64_t first, int64_t vectors) {
      pack_block(c, phase, weight, first, vectors * kLanes, start + first * phase.taps() * c.source_channels);
    });
  });
}

// ---- one tile

struct TilePlace {
  int64_t trial, group;
  Tile tile;  // its image counts over all trials
};

inline TilePlace place_of(const Correlation& c, int64_t chunk) {
  const Convolution& s = *c.shape;
  const int64_t column = chunk % c.column_tiles, row = chunk / c.column_tiles % c.row_tiles;
  const int64_t group = chunk / (c.column_tiles * c.row_tiles) % s.groups;
  const int64_t image = chunk / (c.column_tiles * c.row_tiles * s.groups);
  return {image / s.images, group, {image, row * c.tile_rows, c.tile_rows, column * c.tile_columns, c.tile_columns}};
}

inline Source source_of(const Correlation& c, int64_t group) {
  const int64_t first = group * c.source_channels;
  return {c.source + first, c.gate ? c.gate + first : nullptr, c.source_height, c.source_width,
          c.source_channels * c.shape->groups, c.source_channels};
}

// Leaves out the taps of `block` that fall into padding above or below the source.
inline void use_taps_inside(const Correlation& c, const Phase& phase, int64_t row, Block& block) {
  const TapRange range = taps_inside(phase.rows, row * c.rows.step, c.source_height);
  block.first_tap = range.begin * phase.columns.count;
  block.taps = (range.end - range.begin) * phase.columns.count;
  block.offsets = c.offsets + phase.taps_before + block.first_tap;
}

// One block of output channels of one phase of a tile.
inline void correlate_block(const Correlation& c, const Phase& phase, const Tile& tile, Block block, int64_t vectors) {
  const int64_t rows = least(tile.rows, phase_size(c.height, c.rows.phases, phase.row) - tile.row);
  const int64_t columns = least(tile.columns, phase_size(c.width, c.columns.phases, phase.column) - tile.column);
  for (int64_t row = 0; row < rows; ++row) {
    use_taps_inside(c, phase, tile.row + row, block);
    correlate_row(block, columns, vectors, c.layout.channel_step);
    block.image += c.rows.step * c.layout.row;
    block.out += c.rows.phases * c.width * c.channels * c.shape->groups;
  }
}

inline void correlate_phase(const Correlation& c, const TilePlace& place, const Phase& phase, const float* image,
                            Ahead* ahead) {
  const Tile& tile = place.tile;
  const int64_t pitch = c.channels * c.shape->groups, vectors = ceiling(c.channels, kLanes);
  const int64_t out_row = tile.image * c.height + tile.row * c.rows.phases + phase.row;
  const int64_t out_column = tile.column * c.columns.phases + phase.column;
  const float* weights = c.packed + (place.trial * c.shape->groups + place.group) * c.weight_floats +
                         phase.taps_before * c.source_channels * vectors * kLanes;
  const float* bias = c.bias ? c.bias + place.trial * pitch + place.group * c.channels : nullptr;
  Block block = {};
  block.image = image, block.plane = c.layout.plane, block.channels = c.source_channels;
  block.all_taps = phase.taps(), block.out_step = c.columns.phases * pitch, block.relu = c.relu;
  block.ahead = ahead;
  for_each_block(c, [&](int64_t first, int64_t taken) {
    block.weights = weights + first * phase.taps() * c.source_channels;
    block.out = c.out + (out_row * c.width + out_column) * pitch + place.group * c.channels + first;
    block.out_channels = least(taken * kLanes, c.channels - first);
    block.bias = bias ? bias + first : nullptr;
    correlate_block(c, phase, tile, block, taken);
  });
}

// The source of a tile, to be fetched while the one before is at work.
inline Ahead source_ahead(const Correlation& c, const TilePlace& place) {
  const Source source = source_of(c, place.group);
  int64_t first = place.tile.row * c.rows.step + c.reach.first_row, end = first + c.layout.rows;
  int64_t left = place.tile.column * c.columns.step + c.reach.first_column;
  int64_t right = (place.tile.column + place.tile.columns - 1) * c.columns.step + c.reach.last_column + 1;
  clip(first, end, c.source_height), clip(left, right, c.source_width);
  const int64_t pitch = c.source_width * source.pixel_step, runs = ceiling(c.tile_columns, kRun<2>) * c.tile_rows;
  const float* from = source.data + (place.tile.image * c.source_height + first) * pitch + left * source.pixel_step;
  return ahead_of(from, pitch, most(right - left, 0) * source.pixel_step, most(end - first, 0),
                  c.layout.planes * c.rows.phases * c.columns.phases * runs * ceiling(c.channels, 2 * kLanes));
}

// Tile `index`; meanwhile the source of the next one comes nearer.
inline void correlate_tile(const Correlation& c, int64_t index, bool last) {
  const TilePlace place = place_of(c, index);
  float* image = scratch(Purpose::image, c.layout.floats());
  AxisTap* memory = reinterpret_cast<AxisTap*>(scratch(Purpose::taps, tap_memory(*c.shape)));
  copy_tile(source_of(c, place.group), c.reach, c.layout, place.tile, image);
  Ahead ahead = last ? Ahead{} : source_ahead(c, place_of(c, index + 1));
  for_each_phase(c, memory,
                 [&](const Phase& phase) { correlate_phase(c, place, phase, image, &ahead); });
}

inline int64_t tiles_of(const Correlation& c) {
  return c.shape->trials * c.shape->images * c.shape->groups * c.row_tiles * c.column_tiles;
}

// ---- the whole

inline void run_correlation(Correlation& c, const float* weight, Workers& workers) {
  const Convolution& s = *c.shape;
  if (s.trials * s.images * c.height * c.width * c.channels == 0) return;
  plan_tiles(c, workers.threads());
  const int64_t trial_weights = taps(s) * in_group(s) * s.out_channels;
  float* packed = scratch(Purpose::weights, s.trials * s.groups * c.weight_floats);
  AxisTap* memory = reinterpret_cast<AxisTap*>(scratch(Purpose::taps, tap_memory(s)));
  c.offsets = reinterpret_cast<int32_t*>(scratch(Purpose::plan, taps(s)));
  c.packed = packed;
  for_each_phase(c, memory, [&](const Phase& phase) { write_offsets(c, phase); });
  for (int64_t trial = 0; trial < s.trials; ++trial)
    for (int64_t group = 0; group < s.groups; ++group)
      pack_weights(c, weight + trial * trial_weights + group * out_group(s), memory,
                   packed + (trial * s.groups + group) * c.weight_floats);
  each_in_runs(workers, tiles_of(c), [&](int64_t tile, bool last) { correlate_tile(c, tile, last); });
}

inline void convolution_forward(const Convolution& s, const float* x, const float* weight, const float* bias,
                                bool relu, float* y, Workers& workers) {
  if (const int side = winograd_side(s, s.out_height, s.out_width, kLeastTilesForward))
    return winograd_forward(side, s, x, weight, bias, relu, y, workers);
  if (is_matrix(s)) return matrix_forward(s, x, weight, bias, relu, y, workers);
  Correlation c = forward_correlation(s);
  c.source = x, c.bias = bias, c.relu = relu, c.out = y;
  run_correlation(c, weight, workers);
}

inline void convolution_input_gradient(const Convolution& s, const float* gy, const float* output,
                                       const float* weight, float* gx, Workers& workers) {
  if (const int side = winograd_side(s, s.height, s.width, kLeastTilesBackward))
    return winograd_input_gradient(side, s, gy, output, weight, gx, workers);
  if (is_square_matrix(s)) return matrix_input_gradient(s, gy, output, weight, gx, workers);
  Correlation c = backward_correlation(s);
  c.source = gy, c.gate = output, c.out = gx;
  run_correlation(c, weight, workers);
}

}  // namespace
}  // namespace madi
