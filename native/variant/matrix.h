// Kernels of one tap without padding: products of matrices, whose rows are the pixels of all images of a trial.
//
//   y = x W      gx = gy W'      gW = x' gy
//
// The rows are copied panel by panel into planes of kPlaneChannels channels, `odd_lines` apart.
#pragma once

#include "tiles.h"

namespace madi {
namespace {

// Whether the kernel is a single tap that never looks outside of the image.
inline bool is_matrix(const Convolution& s) {
  return taps(s) == 1 && s.pad_top == 0 && s.pad_left == 0 && (s.out_height - 1) * s.stride_height < s.height &&
         (s.out_width - 1) * s.stride_width < s.width;
}

// Whether moreover every pixel has its output: then gx is such a product too.
inline bool is_square_matrix(const Convolution& s) {
  return is_matrix(s) && s.stride_height == 1 && s.stride_width == 1 && s.height == s.out_height &&
         s.width == s.out_width;
}

inline int64_t rows_of_trial(const Convolution& s) { return s.images * s.out_height * s.out_width; }

// Some channels of the pixels that the rows of a product stand for.
struct RowSource {
  const float* data;
  const float* gate;  // y of the ReLU that data is the gradient of, or null
  int64_t pitch;      // floats from one pixel to the next
  const Convolution* strided;  // where the pixels are those that this convolution looks at, else null: all

  // How many floats from the start row `row` is.
  int64_t place(int64_t row) const __attribute__((always_inline)) {
    if (strided == nullptr) return row * pitch;
    const Convolution& s = *strided;
    const int64_t column = row % s.out_width, line = row / s.out_width;
    const int64_t image = line / s.out_height, height = line % s.out_height;
    return ((image * s.height + height * s.stride_height) * s.width + column * s.stride_width) * pitch;
  }
};

// The rows of a trial of x, or of gy, from channel `channel` on.
inline RowSource x_rows(const Convolution& s, const float* x, int64_t trial, int64_t channel) {
  const float* start = x + trial * s.images * s.height * s.width * s.in_channels + channel;
  return {start, nullptr, s.in_channels, is_square_matrix(s) ? nullptr : &s};
}

inline RowSource gy_rows(const Convolution& s, const float* gy, const float* output, int64_t trial, int64_t channel) {
  const int64_t start = trial * rows_of_trial(s) * s.out_channels + channel;
  return {gy + start, output ? output + start : nullptr, s.out_channels, nullptr};
}

// Floats from one plane to the next in a panel of `rows` rows.
inline int64_t panel_plane(int64_t rows) { return odd_lines(rows * kPlaneChannels); }

inline int64_t panel_floats(int64_t rows, int64_t channels) {
  return panel_plane(rows) * ceiling(channels, kPlaneChannels);
}

// Rows [first, first + rows) of `channels` channels; what is left of the last plane becomes zero.
inline void copy_panel(const RowSource& source, int64_t first, int64_t rows, int64_t channels, int64_t plane,
                       float* to) {
  const int64_t whole = channels / kPlaneChannels, rest = channels % kPlaneChannels;
  for (int64_t row = 0; row < rows; ++row, to += kPlaneChannels) {
    const int64_t place = source.place(first + row);
    const float* from = source.data + place;
    const float* gate = source.gate ? source.gate + place : nullptr;
    for (int64_t k = 0; k < whole; ++k)
      copy_plane_pixel(from + k * kPlaneChannels, gate ? gate + k * kPlaneChannels : nullptr, to + k * plane);
    if (rest == 0) continue;
    const int64_t done = whole * kPlaneChannels;
    copy_pixel(from + done, gate ? gate + done : nullptr, to + whole * plane, rest);
    zero(to + whole * plane + rest, kPlaneChannels - rest);
  }
}

// Such rows, to be fetched in `times` times while others are at work.
inline Ahead panel_ahead(const RowSource& source, int64_t first, int64_t rows, int64_t channels, int64_t times) {
  if (rows <= 0) return {};
  const int64_t place = source.place(first);
  Ahead ahead = ahead_of(source.data + place, source.pitch, channels, rows, times);
  ahead.second = source.gate ? source.gate - source.data : 0;
  return ahead;
}

}  // namespace
}  // namespace madi
