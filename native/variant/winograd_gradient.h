// The gradient of the weights by Winograd's F(3 x 3, m x m): the tiles of gy are the taps, the tiles of x the pixels.
#pragma once

#include "products.h"
#include "winograd.h"

namespace madi {
namespace {

constexpr int64_t kGradientTiles = 112;           // of a strip
constexpr int64_t kGradientStripFloats = 96 * 1024;
constexpr int64_t kBlockPlanes = 8;              // of input channels in a block of the weight
constexpr int64_t kBlockOutputs = 64;            // output channels in a block
constexpr int64_t kPartTiles = 384;              // fewer would make adding up the parts show

struct WinogradGradient {
  Convolution shape;
  Strips strips;
  int64_t places;                       // of a transformed tile
  int64_t planes, outputs;              // of one group
  int64_t input_blocks, output_blocks;  // of the weight
  int64_t parts;                        // of the strips

  const float* x;
  const float* gy;
  const float* output;
  float* sums;  // (trials, groups, parts, input blocks, output blocks, sums of a block)
  float* gweight;
  float* gbias;
};

// Sums of the largest block: (places, planes, pairs of vectors, kPlaneChannels, vectors, kLanes), and those of gy.
inline int64_t block_floats(const WinogradGradient& g) {
  const int64_t outputs = least(g.outputs, kBlockOutputs);
  return g.places * least(g.planes, kBlockPlanes) * kPlaneChannels * outputs + outputs;
}

inline int64_t blocks(const WinogradGradient& g) { return g.input_blocks * g.output_blocks; }

template <int M>
inline void plan_winograd(WinogradGradient& g, int64_t threads) {
  const Convolution& s = g.shape;
  g.places = Form<M>::kPlaces;
  g.planes = in_group(s) / kPlaneChannels, g.outputs = out_group(s);
  g.input_blocks = ceiling(g.planes, kBlockPlanes), g.output_blocks = ceiling(g.outputs, kBlockOutputs);
  const int64_t channels = most(least(g.planes, kBlockPlanes) * kPlaneChannels, least(g.outputs, kBlockOutputs));
  const int64_t tiles = most(least(kGradientTiles, kGradientStripFloats / (g.places * channels)), 16);
  g.strips = strips_of(M, s.images, s.out_height, s.out_width, tiles, 1);
  const int64_t chunks = s.trials * s.groups * blocks(g), wanted = ceiling(most(4 * threads, 16), chunks);
  const int64_t all = g.strips.count * g.strips.tiles();
  g.parts = most(least(least(wanted, g.strips.count), most(all / kPartTiles, ceiling(threads, chunks))), 1);
  g.parts = least(g.parts, g.strips.count);
}

// ---- gy

// G g G' of a tile of gy; the factors of G wait until the sums are finished.
template <int M>
inline void transform_gradient(const Vector (&g)[M][M], float* to, int64_t step) {
  constexpr int kTile = Form<M>::kTile;
  Vector columns[M][kTile];
#pragma GCC unroll 4
  for (int j = 0; j < M; ++j) {
    Vector column[M];
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) column[i] = g[i][j];
    Form<M>::slopes(column, columns[j]);
  }
#pragma GCC unroll 6
  for (int row = 0; row < kTile; ++row) {
    Vector across[M], places[kTile];
#pragma GCC unroll 4
    for (int j = 0; j < M; ++j) across[j] = columns[j][row];
    Form<M>::slopes(across, places);
#pragma GCC unroll 6
    for (int k = 0; k < kTile; ++k) store(to + (kTile * row + k) * step, places[k]);
  }
}

// A row of tiles, one vector of channels; returns the sum of gy over it.
template <int M, bool Gated>
inline Vector transform_gradient_row(const WinogradGradient& g, const TileRow& at, int64_t channel, int64_t tile_step,
                                     int64_t step, float* to) {
  const Strips& s = g.strips;
  const int64_t pitch = g.shape.out_channels, place = ((at.image * s.height + at.row) * s.width) * pitch + channel;
  const auto pixel = [&](int64_t i, int64_t j) {
    if (at.row + i >= s.height || j >= s.width) return Vector{};
    const int64_t offset = place + (i * s.width + j) * pitch;
    return Gated ? gated(load(g.gy + offset), load(g.output + offset)) : load(g.gy + offset);
  };
  Vector sum = {};
  for (int64_t t = 0; t < s.tile_columns; ++t, to += tile_step) {
    Vector tile[M][M];
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < M; ++j) tile[i][j] = pixel(i, M * t + j);
#pragma GCC unroll 2
      for (int j = 0; j < M; j += 2) sum += tile[i][j] + tile[i][j + 1];
    }
    transform_gradient<M>(tile, to, step);
  }
  return sum;
}

// ---- one block of the weight, over one part of the strips

struct GradientPlace {
  int64_t trial, group, part;
  int64_t plane, planes;     // of input channels
  int64_t output, outputs;   // channels
  float* sums;
};

inline GradientPlace gradient_place(const WinogradGradient& g, int64_t chunk) {
  GradientPlace at;
  at.sums = g.sums + chunk * block_floats(g);
  at.output = chunk % g.output_blocks * kBlockOutputs;
  at.plane = chunk / g.output_blocks % g.input_blocks * kBlockPlanes;
  at.outputs = least(g.outputs - at.output, kBlockOutputs), at.planes = least(g.planes - at.plane, kBlockPlanes);
  at.part = chunk / blocks(g) % g.parts;
  at.group = chunk / blocks(g) / g.parts % g.shape.groups, at.trial = chunk / blocks(g) / g.parts / g.shape.groups;
  return at;
}

// Calls visit(first output, vectors) for each run of a block's output channels.
template <typename Visit>
void for_each_pair(const GradientPlace& at, Visit visit) {
  for (int64_t output = 0; output < at.outputs; output += 2 * kLanes)
    visit(output, at.outputs - output >= 2 * kLanes ? 2 : 1);
}

inline void add_products(const WinogradGradient& g, const GradientPlace& at, const float* tiles, const float* gradient,
                         int64_t count) {
  const int64_t plane_step = g.strips.tiles() * kPlaneChannels;
  const int64_t tile_place = odd_lines(at.planes * plane_step), gradient_place = odd_lines(g.strips.tiles() * at.outputs);
  for (int64_t p = 0; p < g.places; ++p)
    for (int64_t plane = 0; plane < at.planes; ++plane)
      for_each_pair(at, [&](int64_t output, int64_t vectors) {
        const Patch patch = {tiles + p * tile_place + plane * plane_step, gradient + p * gradient_place + output, 0, 1,
                             count};
        Products work = {&patch, 1, 0, 0, at.outputs, kLanes, nullptr, nullptr, nullptr};
        work.sums = at.sums + ((p * at.planes + plane) * at.outputs + output) * kPlaneChannels;
        if (vectors == 2) accumulate_channels<2>(work, kPlaneChannels, 0);
        else accumulate_channels<1>(work, kPlaneChannels, 0);
      });
}

template <int M>
inline void accumulate_strips(const WinogradGradient& g, int64_t chunk) {
  const GradientPlace at = gradient_place(g, chunk);
  const Convolution& s = g.shape;
  const int64_t channel = at.group * in_group(s);
  const Source source = {g.x + channel, nullptr, s.height, s.width, s.in_channels, in_group(s)};
  float* tiles = scratch(Purpose::image, g.places * odd_lines(g.strips.tiles() * at.planes * kPlaneChannels));
  float* gradient = scratch(Purpose::gradient, g.places * odd_lines(g.strips.tiles() * at.outputs));
  float* bias = at.sums + g.places * at.planes * kPlaneChannels * at.outputs;
  zero(at.sums, bias + at.outputs - at.sums);
  const auto transform = g.output ? transform_gradient_row<M, true> : transform_gradient_row<M, false>;
  const int64_t last = part_begin(g.strips.count, g.parts, at.part + 1);
  for (int64_t strip = part_begin(g.strips.count, g.parts, at.part); strip < last; ++strip) {
    const int64_t first = strip * g.strips.rows;
    const int64_t rows = least(g.strips.rows, s.images * g.strips.tile_rows - first);
    transform_strip<M>(source, g.strips, at.trial, first, rows, -s.pad_top, -s.pad_left, at.plane * kPlaneChannels,
                    at.planes, tiles);
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t output = 0; output < at.outputs; output += kLanes) {
        const Vector sum = transform(g, tile_row(g.strips, at.trial, first + k),
                                     at.group * g.outputs + at.output + output, at.outputs,
                                     odd_lines(g.strips.tiles() * at.outputs),
                                     gradient + k * g.strips.tile_columns * at.outputs + output);
        store(bias + output, load(bias + output) + sum);
      }
    add_products(g, at, tiles, gradient, rows * g.strips.tile_columns);
  }
}

// ---- the parts added, A' m A

// Vector `vector` of output channels of input channel `row` of a block: the 3 x 3 taps.
template <int M>
inline void finish_weights(const WinogradGradient& g, const GradientPlace& at, int64_t row, int64_t vector) {
  const int64_t step = at.planes * kPlaneChannels * at.outputs, part_step = blocks(g) * block_floats(g);
  const int64_t output = vector / 2 * 2 * kLanes, width = at.outputs - output >= 2 * kLanes ? 2 : 1;
  const int64_t plane = row / kPlaneChannels, channel = row % kPlaneChannels;
  const float* from = at.sums + (plane * at.outputs + output) * kPlaneChannels +
                      (channel * width + vector % 2) * kLanes;
  constexpr int kTile = Form<M>::kTile;
  Vector halves[3][kTile];
  for (int column = 0; column < kTile; ++column) {
    Vector m[kTile], taps[3];
    for (int k = 0; k < kTile; ++k) {
      const float* place = from + (kTile * k + column) * step;
      m[k] = load(place);
      for (int64_t part = 1; part < g.parts; ++part) m[k] += load(place + part * part_step);
    }
    Form<M>::sums(m, taps);
    for (int k = 0; k < 3; ++k) halves[k][column] = taps[k];
  }
  const int64_t input = at.plane * kPlaneChannels + row, filter = at.group * g.outputs + at.output + vector * kLanes;
  for (int k = 0; k < 3; ++k) {
    Vector taps[3];
    Form<M>::sums(halves[k], taps);
    for (int l = 0; l < 3; ++l) {
      const int64_t tap = (at.trial * 9 + 3 * k + l) * in_group(g.shape) + input;
      store(g.gweight + tap * g.shape.out_channels + filter, taps[l]);
    }
  }
}

inline void finish_bias(const WinogradGradient& g, const GradientPlace& at) {
  const float* bias = at.sums + g.places * at.planes * kPlaneChannels * at.outputs;
  for (int64_t output = 0; output < at.outputs; output += kLanes) {
    Vector sum = load(bias + output);
    for (int64_t part = 1; part < g.parts; ++part) sum += load(bias + part * blocks(g) * block_floats(g) + output);
    store(g.gbias + at.trial * g.shape.out_channels + at.group * g.outputs + at.output + output, sum);
  }
}

// One plane of one block of the weight.
template <int M>
inline void finish_plane(const WinogradGradient& g, int64_t chunk) {
  const int64_t matrix = chunk / (g.planes * g.output_blocks), plane = chunk / g.output_blocks % g.planes;
  const int64_t block = plane / kBlockPlanes * g.output_blocks + chunk % g.output_blocks;
  const GradientPlace at = gradient_place(g, matrix * g.parts * blocks(g) + block);
  const int64_t first = (plane - at.plane) * kPlaneChannels;
  for (int64_t row = first; row < first + kPlaneChannels; ++row)
    for (int64_t vector = 0; vector < at.outputs / kLanes; ++vector) finish_weights<M>(g, at, row, vector);
  if (g.gbias && plane == 0) finish_bias(g, at);
}

template <int M>
void run_winograd_gradient(WinogradGradient& g, Workers& workers) {
  plan_winograd<M>(g, workers.threads());
  const int64_t matrices = g.shape.trials * g.shape.groups;
  g.sums = scratch(Purpose::partial_sums, matrices * g.parts * blocks(g) * block_floats(g));
  workers.each(matrices * g.parts * blocks(g), [&g](int64_t chunk) { accumulate_strips<M>(g, chunk); });
  workers.each(matrices * g.planes * g.output_blocks, [&g](int64_t chunk) { finish_plane<M>(g, chunk); });
}

inline void winograd_weight_gradient(int side, const Convolution& s, const float* x, const float* gy,
                                     const float* output, float* gweight, float* gbias, Workers& workers) {
  WinogradGradient g = {};
  g.shape = s, g.x = x, g.gy = gy, g.output = output, g.gweight = gweight, g.gbias = gbias;
  if (side == 4) run_winograd_gradient<4>(g, workers);
  else run_winograd_gradient<2>(g, workers);
}

}  // namespace
}  // namespace madi
