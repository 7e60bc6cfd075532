// Tiles: a rectangle of one image, copied into scratch in the order in which the inner loops read it.
//
// A tile has planes of kPlaneChannels channels (one channel, where the image has a single one).  Within a plane come its
// rows; within a row, for a stride s, first the columns 0, s, 2s, ..., then 1, s + 1, ... .  So neighbouring output pixels
// read neighbouring places of the scratch, whatever the stride, at a distance that the compiler knows.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

constexpr int kPlaneChannels = 16;

// Which source pixels an output pixel looks at: (i stride_height + row, j stride_width + column).
struct Reach {
  int64_t stride_height, stride_width;
  int64_t first_row, last_row, first_column, last_column;
};

// A batch of images, or one group of its channels.
struct Source {
  const float* data;
  const float* output;  // y of the ReLU that data is the gradient of, or null: data counts where output > 0
  int64_t height, width;
  int64_t pixel_step;  // floats from one pixel to the next: all channels
  int64_t channels;    // those of the group
};

// Output pixels [row, row + rows) x [column, column + columns) of one image.
struct Tile {
  int64_t image, row, rows, column, columns;
};

// How a tile of `tile.columns` output columns lies in scratch.
struct Layout {
  int64_t channel_step;  // floats from one pixel to the next in a plane
  int64_t phase;         // pixels of one phase of a row
  int64_t row;           // floats of one row
  int64_t plane;         // floats of one plane
  int64_t rows, planes;

  int64_t floats() const __attribute__((always_inline)) { return plane * planes; }
};

inline Layout layout_of(const Reach& reach, int64_t channels, int64_t rows, int64_t columns) {
  Layout layout;
  layout.channel_step = channels == 1 ? 1 : kPlaneChannels;
  layout.phase = columns + (reach.last_column - reach.first_column) / reach.stride_width;
  layout.rows = (rows - 1) * reach.stride_height + reach.last_row - reach.first_row + 1;
  layout.row = layout.phase * reach.stride_width * layout.channel_step;
  layout.plane = layout.rows * layout.row;
  layout.planes = ceiling(channels, layout.channel_step);
  return layout;
}

// A tile without surroundings, always in planes of kPlaneChannels.
inline Layout plain_layout(int64_t channels, int64_t rows, int64_t columns) {
  const int64_t row = columns * kPlaneChannels;
  return {kPlaneChannels, columns, row, rows * row, rows, ceiling(channels, kPlaneChannels)};
}

// Where the tap (row, column) of output pixel (0, 0) lies in a plane.
inline int64_t tap_offset(const Layout& layout, const Reach& reach, int64_t row, int64_t column) {
  const int64_t right = column - reach.first_column;
  const int64_t pixel = right % reach.stride_width * layout.phase + right / reach.stride_width;
  return (row - reach.first_row) * layout.row + pixel * layout.channel_step;
}

// ---- copying

inline Vector gated(Vector gradient, Vector output) { return output > Vector{} ? gradient : Vector{}; }

// `count` channels of one pixel.
inline void copy_pixel(const float* from, const float* output, float* to, int64_t count) {
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes)
    store(to + c, output ? gated(load(from + c), load(output + c)) : load(from + c));
  for (; c < count; ++c) to[c] = output == nullptr || output[c] > 0 ? from[c] : 0.0f;
}

inline void copy_plane_pixel(const float* from, const float* output, float* to) {
  for (int c = 0; c < kPlaneChannels; c += kLanes)
    store(to + c, output ? gated(load(from + c), load(output + c)) : load(from + c));
}

inline void zero(float* to, int64_t floats) {
  for (int64_t k = 0; k < floats; ++k) to[k] = 0.0f;
}

// A run of pixels, `step` floats apart in the source, into one plane.
inline void copy_run(const float* from, const float* output, int64_t step, int64_t channels, int64_t pixels,
                     int64_t channel_step, float* to) {
  if (channels == kPlaneChannels) {
    for (int64_t q = 0; q < pixels; ++q)
      copy_plane_pixel(from + q * step, output ? output + q * step : nullptr, to + q * kPlaneChannels);
  } else {
    for (int64_t q = 0; q < pixels; ++q)
      copy_pixel(from + q * step, output ? output + q * step : nullptr, to + q * channel_step, channels);
  }
}

// One phase of one row of one plane: `columns` are those of the source from `first` on in steps of the stride.
inline void copy_phase(const Source& source, int64_t row_start, int64_t first, int64_t stride, int64_t channel,
                       const Layout& layout, float* to) {
  const int64_t left = least(first < 0 ? ceiling(-first, stride) : 0, layout.phase);
  const int64_t end = first < source.width ? least(ceiling(source.width - first, stride), layout.phase) : 0;
  const int64_t inside = most(end, left);
  const int64_t start = row_start + (first + left * stride) * source.pixel_step + channel;
  zero(to, left * layout.channel_step);
  if (inside > left)
    copy_run(source.data + start, source.output ? source.output + start : nullptr, stride * source.pixel_step,
             least(source.channels - channel, layout.channel_step), inside - left, layout.channel_step,
             to + left * layout.channel_step);
  zero(to + inside * layout.channel_step, (layout.phase - inside) * layout.channel_step);
}

// The whole tile.  Every float that an inner loop reads is written; channels past the last one of a plane are not.
inline void copy_tile(const Source& source, const Reach& reach, const Layout& layout, const Tile& tile, float* to) {
  const int64_t top = tile.row * reach.stride_height + reach.first_row;
  const int64_t left = tile.column * reach.stride_width + reach.first_column;
  const int64_t phases = least(reach.stride_width, reach.last_column - reach.first_column + 1);
  for (int64_t row = 0; row < layout.rows; ++row) {
    const int64_t h = top + row;
    const int64_t row_start = (tile.image * source.height + h) * source.width * source.pixel_step;
    for (int64_t plane = 0; plane < layout.planes; ++plane) {
      float* out = to + plane * layout.plane + row * layout.row;
      if (h < 0 || h >= source.height) {
        zero(out, layout.row);
        continue;
      }
      for (int64_t phase = 0; phase < phases; ++phase)
        copy_phase(source, row_start, left + phase, reach.stride_width, plane * layout.channel_step, layout,
                   out + phase * layout.phase * layout.channel_step);
    }
  }
}

// ---- prefetching

// The part of axis positions [begin, end) that lies in [0, size).
inline void clip(int64_t& begin, int64_t& end, int64_t size) {
  begin = most(begin, 0);
  end = least(end, size);
}

inline void prefetch(const float* from, int64_t floats) {
  for (int64_t k = 0; k < floats; k += 16) __builtin_prefetch(from + k, 0, 2);
}

// Lines of memory to ask for while the arithmetic goes on, a few at a time: many at once would keep the misses of the
// loop itself waiting.
struct Ahead {
  const float* row;
  int64_t pitch, lines, rows;  // floats from one row to the next; lines of a row; rows left
  int64_t each;                // lines at a time
  int64_t line;                // next of this row
  int64_t second;              // floats to a second array of the same form, or 0

  void fetch() __attribute__((always_inline)) {
    for (int64_t k = 0; k < each && rows > 0; ++k) {
      __builtin_prefetch(row + line * 16, 0, 2);
      if (second != 0) __builtin_prefetch(row + second + line * 16, 0, 2);
      if (++line == lines) line = 0, --rows, row += pitch;
    }
  }
};

// `rows` rows of `floats` floats, fetched in `times` times.
inline Ahead ahead_of(const float* from, int64_t pitch, int64_t floats, int64_t rows, int64_t times) {
  const int64_t lines = ceiling(floats, 16);
  return {from, pitch, lines, lines > 0 ? rows : 0, ceiling(lines * rows, most(times, 1)), 0, 0};
}

// A stretch of memory.
struct Span {
  const float* begin;
  const float* end;
};

// Row `row` of the source of a tile, counted from the first that it reaches; nothing where that lies outside.
inline Span source_row(const Source& source, const Reach& reach, const Tile& tile, int64_t row) {
  const int64_t h = tile.row * reach.stride_height + reach.first_row + row;
  int64_t left = tile.column * reach.stride_width + reach.first_column;
  int64_t right = (tile.column + tile.columns - 1) * reach.stride_width + reach.last_column + 1;
  clip(left, right, source.width);
  if (h < 0 || h >= source.height || left >= right) return {source.data, source.data};
  const float* start = source.data + (tile.image * source.height + h) * source.width * source.pixel_step;
  return {start + left * source.pixel_step, start + right * source.pixel_step};
}

inline void prefetch_tile(const Source& source, const Reach& reach, const Tile& tile, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row) {
    const Span span = source_row(source, reach, tile, row);
    prefetch(span.begin, span.end - span.begin);
  }
}

}  // namespace
}  // namespace madi
