// Winograd's kernels: how an image is cut into tiles, and how tiles and taps are transformed along both axes.
//
// Over many tiles and channels each of the (m + 2)² places of a transformed tile is a product of matrices: (tiles, channels
// in) (channels in, channels out).
#pragma once

#include "tiles.h"
#include "winograd_forms.h"

namespace madi {
namespace {

alignas(64) const float kZeros[kPlaneChannels] = {};

// So many tiles pay for transforming the taps.
constexpr int64_t kLeastTilesForward = 16;
constexpr int64_t kLeastTilesBackward = 48;

// So many tiles of 4 x 4 pay for theirs, which lie in the second-level cache or, where there are many channels, do not.
constexpr int64_t kLeastLargeTiles = 32;
constexpr int64_t kLeastLargeTilesWide = 128;
constexpr int64_t kWide = 128 * 128;  // channels in times channels out

// The side m of the tiles of outputs: 2 or 4, or 0 where direct loops are quicker.  Winograd's kernels take whole planes of
// channels, images whose odd edges do not waste what the tiles save, and enough of them.
inline int winograd_side(const Convolution& s, int64_t height, int64_t width, int64_t least_tiles) {
  const bool plain = s.kernel_height == 3 && s.kernel_width == 3 && s.stride_height == 1 && s.stride_width == 1 &&
                     s.dilation_height == 1 && s.dilation_width == 1;
  const bool planes = in_group(s) % kPlaneChannels == 0 && out_group(s) % kPlaneChannels == 0;
  const int64_t tiles = ceiling(height, 2) * ceiling(width, 2);
  if (!plain || !planes || s.images * tiles < least_tiles || 64 * tiles >= 27 * height * width) return 0;
  const int64_t large = ceiling(height, 4) * ceiling(width, 4);
  const int64_t least_large = in_group(s) * out_group(s) > kWide ? kLeastLargeTilesWide : kLeastLargeTiles;
  return s.images * large >= least_large && 27 * large <= 10 * tiles ? 4 : 2;
}

// The outputs of one trial in tiles of m x m, which come in strips: runs of rows of tiles, whatever image they are in.
struct Strips {
  int64_t side;                 // m
  int64_t height, width;        // of the outputs
  int64_t tile_rows, tile_columns;  // of one image
  int64_t images;               // of one trial
  int64_t rows;                 // of tiles in a strip
  int64_t count;                // of strips in a trial

  int64_t tiles() const __attribute__((always_inline)) { return rows * tile_columns; }
};

// Strips of about `tiles` tiles, but at least `least_count` of them where there are enough rows.
inline Strips strips_of(int64_t side, int64_t images, int64_t height, int64_t width, int64_t tiles,
                        int64_t least_count) {
  Strips s = {side, height, width, ceiling(height, side), ceiling(width, side), images, 1, 1};
  const int64_t all = images * s.tile_rows;
  s.rows = most(least(tiles / s.tile_columns, all / most(least_count, 1)), 1);
  s.count = ceiling(all, s.rows);
  s.rows = ceiling(all, most(s.count, 1));
  s.count = ceiling(all, most(s.rows, 1));
  return s;
}

// Row `index` of the tiles of a trial: its image, counted over all trials, and its first row of outputs.
struct TileRow {
  int64_t image, row;
};

inline TileRow tile_row(const Strips& s, int64_t trial, int64_t index) {
  return {trial * s.images + index / s.tile_rows, s.side * (index % s.tile_rows)};
}

// ---- the tiles of an image, B' d B

// The rows of an image that a row of tiles looks at, from `row` on; one outside of it reads as zeros.
template <int M>
struct TileRows {
  const float* data[Form<M>::kTile];
  const float* gate[Form<M>::kTile];
  int64_t step[Form<M>::kTile];  // floats from one column to the next
};

template <int M>
inline TileRows<M> rows_below(const Source& source, int64_t image, int64_t row, int64_t channel) {
  TileRows<M> rows;
  for (int k = 0; k < Form<M>::kTile; ++k) {
    const bool inside = row + k >= 0 && row + k < source.height;
    const int64_t place = ((image * source.height + row + k) * source.width) * source.pixel_step + channel;
    rows.data[k] = inside ? source.data + place : kZeros;
    rows.gate[k] = inside && source.output ? source.output + place : kZeros;
    rows.step[k] = inside ? source.pixel_step : 0;
  }
  return rows;
}

// One column of pixels, transformed.
template <int M, bool Gated>
inline void transform_column(const TileRows<M>& rows, int64_t column, int64_t width, Vector (&to)[Form<M>::kTile]) {
  constexpr int kTile = Form<M>::kTile;
  if (column < 0 || column >= width) {
    for (int k = 0; k < kTile; ++k) to[k] = Vector{};
    return;
  }
  Vector d[kTile];
#pragma GCC unroll 6
  for (int k = 0; k < kTile; ++k) {
    d[k] = load(rows.data[k] + column * rows.step[k]);
    if (Gated) d[k] = gated(d[k], load(rows.gate[k] + column * rows.step[k]));
  }
  Form<M>::pixels(d, to);
}

// A row of `tiles` tiles, whose first pixel is `column`: place p of tile t goes to to[p step + t kPlaneChannels].
template <int M, bool Gated>
inline void transform_tiles(const TileRows<M>& rows, int64_t column, int64_t width, int64_t tiles, int64_t step,
                            float* to) {
  constexpr int kTile = Form<M>::kTile;
  Vector columns[kTile][kTile];
  transform_column<M, Gated>(rows, column, width, columns[0]);
  transform_column<M, Gated>(rows, column + 1, width, columns[1]);
  for (int64_t t = 0; t < tiles; ++t, to += kPlaneChannels) {
#pragma GCC unroll 6
    for (int k = 2; k < kTile; ++k) transform_column<M, Gated>(rows, column + M * t + k, width, columns[k]);
#pragma GCC unroll 6
    for (int row = 0; row < kTile; ++row) {
      Vector d[kTile], place[kTile];
#pragma GCC unroll 6
      for (int k = 0; k < kTile; ++k) d[k] = columns[k][row];
      Form<M>::pixels(d, place);
#pragma GCC unroll 6
      for (int k = 0; k < kTile; ++k) store(to + (kTile * row + k) * step, place[k]);
    }
#pragma GCC unroll 6
    for (int row = 0; row < kTile; ++row) columns[0][row] = columns[M][row], columns[1][row] = columns[M + 1][row];
  }
}

// The strip's tiles of `planes` planes of channels from `channel` on: to (places, planes, tiles, kPlaneChannels),
// the places `odd_lines` of their floats apart.
template <int M>
inline void transform_strip(const Source& source, const Strips& strips, int64_t trial, int64_t first, int64_t rows,
                            int64_t first_row, int64_t first_column, int64_t channel, int64_t planes, float* to) {
  const int64_t plane_step = strips.tiles() * kPlaneChannels;
  for (int64_t k = 0; k < rows; ++k) {
    const TileRow at = tile_row(strips, trial, first + k);
    for (int64_t plane = 0; plane < planes; ++plane)
      for (int64_t lane = 0; lane < kPlaneChannels; lane += kLanes) {
        const int64_t from = channel + plane * kPlaneChannels + lane;
        const TileRows<M> below = rows_below<M>(source, at.image, at.row + first_row, from);
        float* out = to + plane * plane_step + k * strips.tile_columns * kPlaneChannels + lane;
        const auto transform = source.output ? transform_tiles<M, true> : transform_tiles<M, false>;
        transform(below, first_column, source.width, strips.tile_columns, odd_lines(planes * plane_step), out);
      }
  }
}

// ---- the taps, G g G'

template <int M>
inline void transform_taps(const Vector (&g)[3][3], Vector (&to)[Form<M>::kTile][Form<M>::kTile]) {
  Vector half[3][Form<M>::kTile];
  for (int k = 0; k < 3; ++k) {
    const Vector column[3] = {g[0][k], g[1][k], g[2][k]};
    Form<M>::taps(column, half[k]);
  }
  for (int row = 0; row < Form<M>::kTile; ++row) {
    const Vector taps[3] = {half[0][row], half[1][row], half[2][row]};
    Form<M>::taps(taps, to[row]);
  }
}

// ---- the outputs, A' m A

// m[p] from m + p step: a tile of M x M outputs.
template <int M>
inline void finish_tile(const float* m, int64_t step, Vector (&y)[M][M]) {
  constexpr int kTile = Form<M>::kTile;
  Vector halves[M][kTile];
#pragma GCC unroll 6
  for (int column = 0; column < kTile; ++column) {
    Vector places[kTile], outputs[M];
#pragma GCC unroll 6
    for (int k = 0; k < kTile; ++k) places[k] = load(m + (kTile * k + column) * step);
    Form<M>::outputs(places, outputs);
#pragma GCC unroll 4
    for (int k = 0; k < M; ++k) halves[k][column] = outputs[k];
  }
#pragma GCC unroll 4
  for (int k = 0; k < M; ++k) Form<M>::outputs(halves[k], y[k]);
}

}  // namespace
}  // namespace madi
