// Winograd's minimal filtering F(2x2, 3x3): the transforms, and how an image is cut for them.
//
// Two outputs of a correlation with three taps take four products instead of six:
//
//   y = A' ((G g) o (B' d))        d: 4 pixels, g: 3 taps, y: 2 outputs, o: element by element
//
//        1  0 -1  0          1    0    0
//   B' = 0  1  1  0      G = 1/2  1/2  1/2      A' = 1  1  1  0
//        0 -1  1  0          1/2 -1/2  1/2           0  1 -1 -1
//        0  1  0 -1          0    0    1
//
// Along both axes a tile of 2 x 2 outputs takes 16 products instead of 36.  Over many tiles and channels each of the 16
// places is a product of matrices: (tiles, channels in) (channels in, channels out).
//
// The gradient of the taps has the same form, F(3x3, 2x2): three outputs, two "taps" (those of gy), the same B', and
//
//        1    0
//   G  = 1/2  1/2        A' = 1  1  1  0
//        1/2 -1/2             0  1 -1  0
//        0    1               0  1  1 -1
//
// Winograd 1980; Lavin and Gray, Fast algorithms for convolutional neural networks, 2016.
#pragma once

#include "tiles.h"

namespace madi {
namespace {

constexpr int kPlaces = 16;  // of a transformed tile
alignas(64) const float kZeros[kPlaneChannels] = {};

// So many tiles pay for transforming the taps.
constexpr int64_t kLeastTilesForward = 16;
constexpr int64_t kLeastTilesBackward = 48;

// Whole planes of channels; images whose odd edges do not waste what the tiles save; and enough of them.
inline bool suits_winograd(const Convolution& s, int64_t least_tiles) {
  const bool plain = s.kernel_height == 3 && s.kernel_width == 3 && s.stride_height == 1 && s.stride_width == 1 &&
                     s.dilation_height == 1 && s.dilation_width == 1;
  const bool planes = in_group(s) % kPlaneChannels == 0 && out_group(s) % kPlaneChannels == 0;
  const int64_t tiles = ceiling(s.out_height, 2) * ceiling(s.out_width, 2);
  return plain && planes && s.images * tiles >= least_tiles && 64 * tiles < 27 * s.out_height * s.out_width;
}

// The outputs of one trial in tiles of 2 x 2, which come in strips: runs of rows of tiles, whatever image they are in.
struct Strips {
  int64_t height, width;        // of the outputs
  int64_t tile_rows, tile_columns;  // of one image
  int64_t images;               // of one trial
  int64_t rows;                 // of tiles in a strip
  int64_t count;                // of strips in a trial

  int64_t tiles() const __attribute__((always_inline)) { return rows * tile_columns; }
};

// Strips of about `tiles` tiles, but at least `least_count` of them where there are enough rows.
inline Strips strips_of(int64_t images, int64_t height, int64_t width, int64_t tiles, int64_t least_count) {
  Strips s = {height, width, ceiling(height, 2), ceiling(width, 2), images, 1, 1};
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
  return {trial * s.images + index / s.tile_rows, 2 * (index % s.tile_rows)};
}

// ---- the tiles of an image, B' d B

// The four rows of an image below `row`; one outside of it reads as zeros.
struct FourRows {
  const float* data[4];
  const float* gate[4];
  int64_t step[4];  // floats from one column to the next
};

inline FourRows four_rows(const Source& source, int64_t image, int64_t row, int64_t channel) {
  FourRows rows;
  for (int k = 0; k < 4; ++k) {
    const bool inside = row + k >= 0 && row + k < source.height;
    const int64_t place = ((image * source.height + row + k) * source.width) * source.pixel_step + channel;
    rows.data[k] = inside ? source.data + place : kZeros;
    rows.gate[k] = inside && source.output ? source.output + place : kZeros;
    rows.step[k] = inside ? source.pixel_step : 0;
  }
  return rows;
}

inline void transform_four(const Vector (&d)[4], Vector (&to)[4]) {
  to[0] = d[0] - d[2];
  to[1] = d[1] + d[2];
  to[2] = d[2] - d[1];
  to[3] = d[1] - d[3];
}

// One column of four pixels, transformed.
template <bool Gated>
inline void transform_column(const FourRows& rows, int64_t column, int64_t width, Vector (&to)[4]) {
  if (column < 0 || column >= width) {
    for (int k = 0; k < 4; ++k) to[k] = Vector{};
    return;
  }
  Vector d[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    d[k] = load(rows.data[k] + column * rows.step[k]);
    if (Gated) d[k] = gated(d[k], load(rows.gate[k] + column * rows.step[k]));
  }
  transform_four(d, to);
}

// A row of `tiles` tiles, whose first pixel is `column`: place p of tile t goes to to[p step + t kPlaneChannels].
template <bool Gated>
inline void transform_tiles(const FourRows& rows, int64_t column, int64_t width, int64_t tiles, int64_t step,
                            float* to) {
  Vector columns[4][4];
  transform_column<Gated>(rows, column, width, columns[0]);
  transform_column<Gated>(rows, column + 1, width, columns[1]);
  for (int64_t t = 0; t < tiles; ++t, to += kPlaneChannels) {
    transform_column<Gated>(rows, column + 2 * t + 2, width, columns[2]);
    transform_column<Gated>(rows, column + 2 * t + 3, width, columns[3]);
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      const Vector d[4] = {columns[0][row], columns[1][row], columns[2][row], columns[3][row]};
      Vector place[4];
      transform_four(d, place);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) store(to + (4 * row + k) * step, place[k]);
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) columns[0][row] = columns[2][row], columns[1][row] = columns[3][row];
  }
}

// The strip's tiles of `planes` planes of channels from `channel` on: to (places, planes, tiles, kPlaneChannels),
// the places `odd_lines` of their floats apart.
inline void transform_strip(const Source& source, const Strips& strips, int64_t trial, int64_t first, int64_t rows,
                            int64_t first_row, int64_t first_column, int64_t channel, int64_t planes, float* to) {
  const int64_t plane_step = strips.tiles() * kPlaneChannels;
  for (int64_t k = 0; k < rows; ++k) {
    const TileRow at = tile_row(strips, trial, first + k);
    for (int64_t plane = 0; plane < planes; ++plane)
      for (int64_t lane = 0; lane < kPlaneChannels; lane += kLanes) {
        const FourRows four = four_rows(source, at.image, at.row + first_row, channel + plane * kPlaneChannels + lane);
        float* out = to + plane * plane_step + k * strips.tile_columns * kPlaneChannels + lane;
        const auto transform = source.output ? transform_tiles<true> : transform_tiles<false>;
        transform(four, first_column, source.width, strips.tile_columns, odd_lines(planes * plane_step), out);
      }
  }
}

// ---- the taps, G g G'

inline void transform_taps(const Vector (&g)[3][3], Vector (&to)[4][4]) {
  Vector half[4][3];
  for (int k = 0; k < 3; ++k) {
    const Vector sum = (g[0][k] + g[2][k]) * 0.5f, middle = g[1][k] * 0.5f;
    half[0][k] = g[0][k], half[1][k] = sum + middle, half[2][k] = sum - middle, half[3][k] = g[2][k];
  }
  for (int k = 0; k < 4; ++k) {
    const Vector sum = (half[k][0] + half[k][2]) * 0.5f, middle = half[k][1] * 0.5f;
    to[k][0] = half[k][0], to[k][1] = sum + middle, to[k][2] = sum - middle, to[k][3] = half[k][2];
  }
}

// ---- the outputs, A' m A

inline void finish_four(const Vector (&m)[4], Vector& first, Vector& second) {
  first = m[0] + m[1] + m[2];
  second = m[1] - m[2] - m[3];
}

// m[p] from m + p step: a tile of 2 x 2 outputs.
inline void finish_tile(const float* m, int64_t step, Vector (&y)[2][2]) {
  Vector halves[2][4];
#pragma GCC unroll 4
  for (int column = 0; column < 4; ++column) {
    const Vector four[4] = {load(m + column * step), load(m + (4 + column) * step), load(m + (8 + column) * step),
                            load(m + (12 + column) * step)};
    finish_four(four, halves[0][column], halves[1][column]);
  }
  finish_four(halves[0], y[0][0], y[0][1]);
  finish_four(halves[1], y[1][0], y[1][1]);
}

}  // namespace
}  // namespace madi
