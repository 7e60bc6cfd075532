// The forward pass and the gradient of the input by Winograd's F(m x m, 3 x 3).
#pragma once

#include "correlate.h"
#include "winograd.h"

namespace madi {
namespace {

constexpr int64_t kStripFloats = 96 * 1024;  // of the transformed tiles of a strip, which stay in the second-level cache
constexpr int64_t kMostStripTiles = 96;
constexpr int64_t kLeastStripTiles = 28;

// A correlation with 3 x 3 taps: out (i, j) looks at source pixels (i + first_row + a, j + first_column + b).
struct WinogradCorrelation {
  Convolution shape;
  Strips strips;
  int64_t places;           // of a transformed tile
  int64_t inputs, outputs;  // channels of one group
  int64_t first_row, first_column;
  bool flipped;                          // tap (a, b) stands in place (2 - a, 2 - b) of the kernel
  int64_t tap_step, input_step, output_step;  // in the kernel
  int64_t source_height, source_width;

  const float* source;
  const float* gate;
  const float* weight;
  const float* bias;
  bool relu;
  float* taps;  // transformed: (trials, groups, places, blocks of outputs, inputs, outputs of the block)
  float* out;
};

inline int64_t tap_floats(const WinogradCorrelation& w) { return w.places * w.inputs * w.outputs; }

inline int64_t output_vectors(const WinogradCorrelation& w, int64_t first) {
  return w.outputs - first >= 2 * kLanes ? 2 : 1;
}

// ---- the taps

// Tap (a, b) of input channel c and output channel o.
inline const float* tap_place(const WinogradCorrelation& w, int64_t matrix, int a, int b, int64_t c, int64_t o) {
  const int64_t trial = matrix / w.shape.groups, group = matrix % w.shape.groups;
  const int64_t tap = w.flipped ? 8 - (3 * a + b) : 3 * a + b;
  return w.weight + trial * 9 * in_group(w.shape) * w.shape.out_channels + group * out_group(w.shape) +
         tap * w.tap_step + c * w.input_step + o * w.output_step;
}

// Where the transformed tap of place p, input c and output o goes.
inline float* transformed_place(const WinogradCorrelation& w, int64_t matrix, int64_t p, int64_t c, int64_t o) {
  const int64_t pair = o / (2 * kLanes) * 2 * kLanes, width = output_vectors(w, pair) * kLanes;
  return w.taps + matrix * tap_floats(w) + p * w.inputs * w.outputs + pair * w.inputs + c * width + o - pair;
}

// The nine taps of input channel c and kLanes outputs from `o` on; where the outputs are not neighbours in the kernel, from
// `turned`, which holds those of a plane of inputs.
template <int M>
inline void transform_some_taps(const WinogradCorrelation& w, int64_t matrix, int64_t c, int64_t o,
                                const float* turned) {
  constexpr int kTile = Form<M>::kTile;
  Vector taps[3][3], places[kTile][kTile];
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b)
      taps[a][b] = load(turned ? turned + ((3 * a + b) * kPlaneChannels + c % kPlaneChannels) * kLanes
                               : tap_place(w, matrix, a, b, c, o));
  transform_taps<M>(taps, places);
  for (int p = 0; p < Form<M>::kPlaces; ++p)
    store(transformed_place(w, matrix, p, c, o), places[p / kTile][p % kTile]);
}

// The taps of kPlaneChannels inputs and kLanes outputs, which are rows of inputs in the kernel, as rows of outputs.
inline void turn_taps(const WinogradCorrelation& w, int64_t matrix, int64_t first, int64_t o, float* to) {
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b)
      for (int lane = 0; lane < kLanes; ++lane) {
        const float* from = tap_place(w, matrix, a, b, first, o + lane);
        for (int c = 0; c < kPlaneChannels; ++c) to[((3 * a + b) * kPlaneChannels + c) * kLanes + lane] = from[c];
      }
}

template <int M>
inline void transform_all_taps(const WinogradCorrelation& w, Workers& workers) {
  const int64_t planes = w.inputs / kPlaneChannels, matrices = w.shape.trials * w.shape.groups;
  workers.each(matrices * planes, [&](int64_t chunk) {
    const int64_t matrix = chunk / planes, first = chunk % planes * kPlaneChannels;
    alignas(64) float turned[9 * kPlaneChannels * kLanes];
    for (int64_t o = 0; o < w.outputs; o += kLanes) {
      if (w.output_step != 1) turn_taps(w, matrix, first, o, turned);
      for (int64_t c = first; c < first + kPlaneChannels; ++c)
        transform_some_taps<M>(w, matrix, c, o, w.output_step == 1 ? nullptr : turned);
    }
  });
}

// ---- a strip

// Sends the products of one row of tiles, V vectors of channels, to where the outputs belong.
template <int M, int V>
inline void finish_row(const WinogradCorrelation& w, const TileRow& at, const float* products, int64_t step,
                       int64_t channel, const float* bias) {
  const int64_t pitch = w.outputs * w.shape.groups;
  const int64_t height = w.strips.height - at.row;  // of outputs from here on
  float* row = w.out + ((at.image * w.strips.height + at.row) * w.strips.width) * pitch + channel;
  for (int64_t t = 0; t < w.strips.tile_columns; ++t, products += V * kLanes)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      Vector y[M][M];
      finish_tile<M>(products + v * kLanes, step, y);
      const Vector add = bias ? load(bias + channel + v * kLanes) : Vector{};
      float* to = row + M * t * pitch + v * kLanes;
      const int64_t width = w.strips.width - M * t;
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j) {
          if (i >= height || j >= width) continue;
          const Vector value = y[i][j] + add;
          store(to + (i * w.strips.width + j) * pitch, w.relu ? positive_part(value) : value);
        }
    }
}

// The outputs [first, first + V kLanes) of a strip.
template <int M, int V>
inline void correlate_strip(const WinogradCorrelation& w, int64_t matrix, int64_t first_row, int64_t rows,
                            const float* tiles, int64_t first, float* products) {
  const int64_t group = matrix % w.shape.groups, trial = matrix / w.shape.groups;
  const int64_t plane = w.strips.tiles() * kPlaneChannels;
  const int64_t step = odd_lines(w.strips.tiles() * V * kLanes);
  const int32_t none = 0;
  Block block = {};
  block.plane = plane, block.channels = w.inputs, block.offsets = &none, block.taps = block.all_taps = 1;
  block.out_step = block.out_channels = V * kLanes;
  for (int64_t p = 0; p < Form<M>::kPlaces; ++p) {
    block.image = tiles + p * odd_lines(w.strips.tiles() * w.inputs);
    block.weights = w.taps + matrix * tap_floats(w) + p * w.inputs * w.outputs + first * w.inputs;
    block.out = products + p * step;
    correlate_row<kPlaneChannels, V>(block, rows * w.strips.tile_columns);
  }
  const float* bias = w.bias ? w.bias + trial * w.shape.out_channels : nullptr;
  for (int64_t k = 0; k < rows; ++k)
    finish_row<M, V>(w, tile_row(w.strips, trial, first_row + k), products + k * w.strips.tile_columns * V * kLanes,
                  step, group * w.outputs + first, bias);
}

template <int M>
inline void run_strip(const WinogradCorrelation& w, int64_t index) {
  const int64_t matrix = index / w.strips.count, group = matrix % w.shape.groups, trial = matrix / w.shape.groups;
  const int64_t first = index % w.strips.count * w.strips.rows;
  const int64_t rows = least(w.strips.rows, w.strips.images * w.strips.tile_rows - first);
  const int64_t channel = group * w.inputs;
  const Source source = {w.source + channel, w.gate ? w.gate + channel : nullptr, w.source_height, w.source_width,
                         w.inputs * w.shape.groups, w.inputs};
  float* tiles = scratch(Purpose::image, w.places * odd_lines(w.strips.tiles() * w.inputs));
  float* products = scratch(Purpose::gradient, w.places * odd_lines(w.strips.tiles() * 2 * kLanes));
  transform_strip<M>(source, w.strips, trial, first, rows, w.first_row, w.first_column, 0, w.inputs / kPlaneChannels,
                  tiles);
  for (int64_t output = 0; output < w.outputs; output += output_vectors(w, output) * kLanes) {
    if (output_vectors(w, output) == 2) correlate_strip<M, 2>(w, matrix, first, rows, tiles, output, products);
    else correlate_strip<M, 1>(w, matrix, first, rows, tiles, output, products);
  }
}

// ---- the whole

template <int M>
inline void run_winograd(WinogradCorrelation& w, Workers& workers) {
  const Convolution& s = w.shape;
  const int64_t matrices = s.trials * s.groups;
  w.places = Form<M>::kPlaces;
  const int64_t tiles = most(least(kStripFloats / (w.places * w.inputs), kMostStripTiles), kLeastStripTiles);
  w.strips.images = s.images;
  w.strips = strips_of(M, s.images, w.strips.height, w.strips.width, tiles,
                       ceiling(kRunsPerThread * workers.threads(), matrices));
  w.taps = scratch(Purpose::weights, matrices * tap_floats(w));
  transform_all_taps<M>(w, workers);
  each_in_runs(workers, matrices * w.strips.count, [&](int64_t strip, bool) { run_strip<M>(w, strip); });
}

inline void run_winograd(int side, WinogradCorrelation& w, Workers& workers) {
  if (side == 4) run_winograd<4>(w, workers);
  else run_winograd<2>(w, workers);
}

inline void winograd_forward(int side, const Convolution& s, const float* x, const float* weight, const float* bias, bool relu,
                             float* y, Workers& workers) {
  WinogradCorrelation w = {};
  w.shape = s;
  w.strips.height = s.out_height, w.strips.width = s.out_width;
  w.inputs = in_group(s), w.outputs = out_group(s);
  w.first_row = -s.pad_top, w.first_column = -s.pad_left;
  w.tap_step = in_group(s) * s.out_channels, w.input_step = s.out_channels, w.output_step = 1;
  w.source_height = s.height, w.source_width = s.width;
  w.source = x, w.weight = weight, w.bias = bias, w.relu = relu, w.out = y;
  run_winograd(side, w, workers);
}

inline void winograd_input_gradient(int side, const Convolution& s, const float* gy, const float* output, const float* weight,
                                    float* gx, Workers& workers) {
  WinogradCorrelation w = {};
  w.shape = s;
  w.strips.height = s.height, w.strips.width = s.width;
  w.inputs = out_group(s), w.outputs = in_group(s);
  w.first_row = s.pad_top - 2, w.first_column = s.pad_left - 2;
  w.flipped = true;
  w.tap_step = in_group(s) * s.out_channels, w.input_step = 1, w.output_step = s.out_channels;
  w.source_height = s.out_height, w.source_width = s.out_width;
  w.source = gy, w.gate = output, w.weight = weight, w.out = gx;
  run_winograd(side, w, workers);
}

}  // namespace
}  // namespace madi
