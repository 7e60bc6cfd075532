// Layer 2 of the gradient of the weights: pixels are cut into parts, each with partial sums of its own, added in order.
#pragma once

#include "matrix_gradient.h"
#include "products.h"
#include "taps.h"
#include "winograd_gradient.h"

namespace madi {
namespace {

constexpr int64_t kPatchPixels = 192;         // a patch of one plane and one block of gy fit the first-level cache
constexpr int64_t kBatchFloats = 48 * 1024;   // all planes of the patches in work fit the second-level cache
constexpr int64_t kPartPixels = 1024;         // fewer would make adding up the parts show
constexpr int64_t kFewChannels = 8;           // below, taps and channels together make the rows of a run
constexpr int64_t kDirectChannels = 64;       // gy of up to so many channels is read where it stands
constexpr int64_t kBlockVectors = 2;
constexpr int64_t kMostPatches = 64;
constexpr int64_t kReductionRows = 32;

struct WeightGradient {
  const Convolution* shape;
  Reach reach;
  int64_t inputs, outputs;  // channels of one group
  int64_t rows;             // of the weight: taps times inputs
  int64_t vectors;          // of output channels

  int64_t tile_rows, tile_columns, row_tiles, column_tiles, patches;
  Layout image, gradient;
  bool direct;             // gy is read where it stands
  int64_t parts, splits;   // of the pixels, of the output channels
  const int32_t* offsets;  // of the taps; where channels are few, of the rows

  const float* x;
  const float* gy;
  const float* output;
  float* sums;  // (trials, groups, parts, vectors, rows + 1, lanes), a block's vectors side by side; the last row: bias
  float* gweight;
  float* gbias;
};

// ---- the plan

inline int64_t tiles_of(const WeightGradient& g) { return g.shape->images * g.row_tiles * g.column_tiles; }
inline int64_t part_floats(const WeightGradient& g) { return (g.rows + 1) * g.vectors * kLanes; }
inline bool few_channels(const WeightGradient& g) { return g.inputs < kFewChannels; }

inline void plan_patches(WeightGradient& g) {
  const Convolution& s = *g.shape;
  g.column_tiles = ceiling(s.out_width, kPatchPixels);
  g.tile_columns = ceiling(s.out_width, most(g.column_tiles, 1));
  const int64_t pixels = most(least(kPatchPixels, kBatchFloats / most(g.inputs, g.outputs)), kPatchPixels / 4);
  g.row_tiles = ceiling(s.out_height, least(most(pixels / most(g.tile_columns, 1), 1), most(s.out_height, 1)));
  g.tile_rows = ceiling(s.out_height, most(g.row_tiles, 1));
  g.patches = least(most(pixels / most(g.tile_rows * g.tile_columns, 1), 1), kMostPatches);
  g.image = layout_of(g.reach, g.inputs, g.tile_rows, g.tile_columns);
  g.gradient = plain_layout(g.outputs, g.tile_rows, g.tile_columns);
}

inline void plan_parts(WeightGradient& g, int64_t threads) {
  const Convolution& s = *g.shape;
  const int64_t wanted = ceiling(most(4 * threads, 16), s.trials * s.groups);
  const int64_t pixels = s.images * s.out_height * s.out_width;
  g.parts = most(least(least(wanted, pixels / kPartPixels), tiles_of(g)), 1);
  g.splits = most(least(ceiling(g.vectors, kBlockVectors), ceiling(wanted, g.parts)), 1);
}

inline WeightGradient plan_weight_gradient(const Convolution& s, const float* output, int64_t threads) {
  WeightGradient g = {};
  g.shape = &s;
  const Direction rows = forward_direction(rows_of(s)), columns = forward_direction(columns_of(s));
  g.reach = {rows.step, columns.step, rows.first, rows.last, columns.first, columns.last};
  g.inputs = in_group(s), g.outputs = out_group(s);
  g.rows = taps(s) * g.inputs;
  g.vectors = ceiling(g.outputs, kLanes);
  g.direct = output == nullptr && g.outputs % kLanes == 0 && s.out_channels <= kDirectChannels;
  plan_patches(g);
  plan_parts(g, threads);
  return g;
}

// Offsets of the taps, or of all rows.
inline void write_row_offsets(const WeightGradient& g, int32_t* to) {
  const Convolution& s = *g.shape;
  const int64_t channels = few_channels(g) ? g.inputs : 1;
  for (int64_t k = 0; k < s.kernel_height; ++k)
    for (int64_t l = 0; l < s.kernel_width; ++l)
      for (int64_t c = 0; c < channels; ++c)
        *to++ = static_cast<int32_t>(c + tap_offset(g.image, g.reach, k * s.dilation_height - s.pad_top,
                                                    l * s.dilation_width - s.pad_left));
}

// ---- one part of the pixels

struct PartPlace {
  int64_t trial, group, part, split;
};

inline PartPlace part_of(const WeightGradient& g, int64_t chunk) {
  const int64_t split = chunk % g.splits, part = chunk / g.splits % g.parts;
  const int64_t group = chunk / (g.splits * g.parts) % g.shape->groups;
  return {chunk / (g.splits * g.parts * g.shape->groups), group, part, split};
}

inline Tile tile_of(const WeightGradient& g, int64_t trial, int64_t index) {
  const int64_t column = index % g.column_tiles, row = index / g.column_tiles % g.row_tiles;
  const int64_t image = index / (g.column_tiles * g.row_tiles);
  return {trial * g.shape->images + image, row * g.tile_rows, g.tile_rows, column * g.tile_columns, g.tile_columns};
}

inline Source image_source(const WeightGradient& g, int64_t group) {
  const Convolution& s = *g.shape;
  return {g.x + group * g.inputs, nullptr, s.height, s.width, s.in_channels, g.inputs};
}

inline Source gradient_source(const WeightGradient& g, int64_t group) {
  const Convolution& s = *g.shape;
  const int64_t first = group * g.outputs;
  return {g.gy + first, g.output ? g.output + first : nullptr, s.out_height, s.out_width, s.out_channels, g.outputs};
}

// Copies the tile's image, and its gy where it is not read in place.
inline Patch make_patch(const WeightGradient& g, int64_t group, const Tile& tile, float* image, float* gradient) {
  const Convolution& s = *g.shape;
  copy_tile(image_source(g, group), g.reach, g.image, tile, image);
  const Source source = gradient_source(g, group);
  const int64_t first = (tile.image * s.out_height + tile.row) * s.out_width + tile.column;
  if (!g.direct) copy_tile(source, Reach{1, 1, 0, 0, 0, 0}, g.gradient, tile, gradient);
  return {image, g.direct ? source.data + first * s.out_channels : gradient, tile.row,
          least(tile.rows, s.out_height - tile.row), least(tile.columns, s.out_width - tile.column)};
}

// The rows of a patch whose pixels row k of the kernel sees inside the image.
inline Patch rows_inside(const WeightGradient& g, const Products& work, int64_t index, int64_t k) {
  Patch patch = work.patches[index];
  const int64_t stride = g.shape->stride_height, offset = k * g.shape->dilation_height - g.shape->pad_top;
  int64_t begin = offset < 0 ? ceiling(-offset, stride) : 0;
  int64_t end = g.shape->height > offset ? ceiling(g.shape->height - offset, stride) : 0;
  begin = most(begin - patch.row, 0);
  end = least(end - patch.row, patch.rows);
  patch.image += begin * work.image_row;
  patch.gradient += begin * work.gradient_row;
  patch.rows = end - begin;
  return patch;
}

// All rows of the weight for one block of V vectors.
template <int V>
void accumulate_block(const WeightGradient& g, Products work) {
  if (few_channels(g)) {
    if (g.image.channel_step == 1) accumulate_scattered<1, V>(work, g.rows, g.offsets);
    else accumulate_scattered<kPlaneChannels, V>(work, g.rows, g.offsets);
    return;
  }
  float* sums = work.sums;
  for (int64_t plane = 0; plane < g.image.planes; ++plane)
    for (int64_t k = 0; k < g.shape->kernel_height; ++k) {
      Patch inside[kMostPatches];
      for (int64_t patch = 0; patch < work.count; ++patch) inside[patch] = rows_inside(g, work, patch, k);
      Products rows = work;
      rows.patches = inside;
      for (int64_t l = 0; l < g.shape->kernel_width; ++l) {
        const int64_t first = plane * kPlaneChannels, tap = k * g.shape->kernel_width + l;
        rows.sums = sums + (tap * g.inputs + first) * V * kLanes;
        accumulate_channels<V>(rows, least(g.inputs - first, kPlaneChannels), plane * g.image.plane + g.offsets[tap]);
      }
    }
}

// Where vector `vector` of gy lies, from the start of a patch.
inline int64_t vector_place(const WeightGradient& g, int64_t vector) {
  const int64_t channel = vector * kLanes;
  return g.direct ? channel : channel / kPlaneChannels * g.gradient.plane + channel % kPlaneChannels;
}

inline void accumulate_vectors(const WeightGradient& g, Products work, Patch* patches, int64_t vector, int64_t taken) {
  const int64_t place = vector_place(g, vector);
  for (int64_t patch = 0; patch < work.count; ++patch) patches[patch].gradient += place;
  work.patches = patches;
  work.gradient_plane = vector_place(g, vector + 1) - place;
  if (taken == 2) accumulate_block<2>(g, work);
  else accumulate_block<1>(g, work);
  work.sums += g.rows * taken * kLanes;
  for (int64_t v = 0; g.gbias && v < taken; ++v, work.sums += kLanes) {
    accumulate_bias(work);
    for (int64_t patch = 0; patch < work.count; ++patch) patches[patch].gradient += work.gradient_plane;
  }
  for (int64_t patch = 0; patch < work.count; ++patch)
    patches[patch].gradient -= place + (g.gbias ? taken * work.gradient_plane : 0);
}

inline Products products_of(const WeightGradient& g, int64_t count) {
  const Convolution& s = *g.shape;
  const int64_t row = g.direct ? s.out_width * s.out_channels : g.gradient.row;
  const int64_t step = g.direct ? s.out_channels : kPlaneChannels;
  return {nullptr, count, g.reach.stride_height * g.image.row, row, step, 0, nullptr, nullptr, nullptr};
}

// Asks for the next patches; their source is read while this one's products are summed.
inline void prefetch_patches(const WeightGradient& g, const PartPlace& place, int64_t tile, int64_t last_tile) {
  const Source image = image_source(g, place.group), gradient = gradient_source(g, place.group);
  for (int64_t k = tile; k < least(tile + g.patches, last_tile); ++k) {
    const Tile next = tile_of(g, place.trial, k);
    prefetch_tile(image, g.reach, next, g.image.rows);
    prefetch_tile(gradient, Reach{1, 1, 0, 0, 0, 0}, next, next.rows);
  }
}

inline void accumulate_part(const WeightGradient& g, int64_t chunk) {
  const PartPlace place = part_of(g, chunk);
  const int64_t first = part_begin(g.vectors / kBlockVectors + g.vectors % kBlockVectors, g.splits, place.split);
  const int64_t end = part_begin(g.vectors / kBlockVectors + g.vectors % kBlockVectors, g.splits, place.split + 1);
  const int64_t last_tile = part_begin(tiles_of(g), g.parts, place.part + 1);
  float* sums = g.sums + ((place.trial * g.shape->groups + place.group) * g.parts + place.part) * part_floats(g);
  float* image = scratch(Purpose::image, g.patches * g.image.floats());
  float* gradient = scratch(Purpose::gradient, g.direct ? 1 : g.patches * g.gradient.floats());
  if (!g.direct && g.outputs % kPlaneChannels != 0) zero(gradient, g.patches * g.gradient.floats());
  const int64_t last_vector = least(end * kBlockVectors, g.vectors);
  zero(sums + first * kBlockVectors * kLanes * (g.rows + 1),
       (last_vector - first * kBlockVectors) * kLanes * (g.rows + 1));
  for (int64_t tile = part_begin(tiles_of(g), g.parts, place.part); tile < last_tile; tile += g.patches) {
    Patch patches[kMostPatches];
    Products work = products_of(g, least(g.patches, last_tile - tile));
    for (int64_t k = 0; k < work.count; ++k)
      patches[k] = make_patch(g, place.group, tile_of(g, place.trial, tile + k), image + k * g.image.floats(),
                              gradient + k * g.gradient.floats());
    prefetch_patches(g, place, tile + g.patches, last_tile);
    for (int64_t vector = first * kBlockVectors; vector < last_vector; vector += kBlockVectors) {
      work.sums = sums + vector * kLanes * (g.rows + 1);
      accumulate_vectors(g, work, patches, vector, least(kBlockVectors, g.vectors - vector));
    }
  }
}

// ---- adding the parts

// Row `row` of block `vector`, summed over the parts in their order, to `to`.
inline void add_parts(const WeightGradient& g, const float* sums, int64_t vector, int64_t row, float* to) {
  const int64_t taken = least(kBlockVectors, g.vectors - vector);
  const float* from = sums + vector * kLanes * (g.rows + 1) + row * taken * kLanes;
  for (int64_t v = 0; v < taken; ++v, from += kLanes) {
    Vector sum = load(from);
    for (int64_t part = 1; part < g.parts; ++part) sum += load(from + part * part_floats(g));
    store_some(to + (vector + v) * kLanes, sum, g.outputs - (vector + v) * kLanes);
  }
}

inline void reduce_rows(const WeightGradient& g, int64_t chunk) {
  const Convolution& s = *g.shape;
  const int64_t ranges = ceiling(g.rows + 1, kReductionRows), group = chunk / ranges % s.groups;
  const int64_t trial = chunk / ranges / s.groups, begin = chunk % ranges * kReductionRows;
  const float* sums = g.sums + chunk / ranges * g.parts * part_floats(g);
  for (int64_t row = begin; row < least(begin + kReductionRows, g.rows + 1); ++row) {
    float* weights = g.gweight + (trial * g.rows + row) * s.out_channels + group * g.outputs;
    float* bias = g.gbias ? g.gbias + trial * s.out_channels + group * g.outputs : nullptr;
    float* to = row < g.rows ? weights : bias;
    for (int64_t vector = 0; to && vector < g.vectors; vector += kBlockVectors) add_parts(g, sums, vector, row, to);
  }
}

inline void convolution_weight_gradient(const Convolution& s, const float* x, const float* gy, const float* output,
                                        float* gweight, float* gbias, Workers& workers) {
  if (const int side = winograd_side(s, s.out_height, s.out_width, kLeastTilesBackward))
    return winograd_weight_gradient(side, s, x, gy, output, gweight, gbias, workers);
  if (is_matrix(s)) return matrix_weight_gradient(s, x, gy, output, gweight, gbias, workers);
  WeightGradient g = plan_weight_gradient(s, output, workers.threads());
  int32_t* offsets = reinterpret_cast<int32_t*>(scratch(Purpose::plan, taps(s) * kFewChannels));
  write_row_offsets(g, offsets);
  g.offsets = offsets, g.x = x, g.gy = gy, g.output = output, g.gweight = gweight, g.gbias = gbias;
  g.sums = scratch(Purpose::partial_sums, s.trials * s.groups * g.parts * part_floats(g));
  workers.each(s.trials * s.groups * g.parts * g.splits, [&g](int64_t chunk) { accumulate_part(g, chunk); });
  workers.each(s.trials * s.groups * ceiling(g.rows + 1, kReductionRows),
               [&g](int64_t chunk) { reduce_rows(g, chunk); });
}

}  // namespace
}  // namespace madi
