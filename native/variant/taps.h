// Which source pixels an output pixel looks at: the taps of each axis, forward and backward.
//
// Forward, output pixel i looks at source pixels i stride + k dilation - pad.  Backward, pixel h of gx was looked at by
// the output pixels i with i stride + k dilation - pad = h: for h = stride m + phase these are i = m + (phase + pad - k
// dilation) / stride, for the k that divide.  So each phase of the stride is a correlation of its own, with stride 1, over
// the kernel's flipped and transposed taps.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

// One tap along one axis: it looks `offset` pixels away, through row (or column) `index` of the kernel.
struct AxisTap {
  int64_t offset, index;
};

// The taps along one axis of one phase.
struct AxisTaps {
  AxisTap* taps;
  int64_t count;
};

struct Axis {
  int64_t kernel, stride, pad, dilation, in_size, out_size;
};

inline Axis rows_of(const Convolution& s) {
  return {s.kernel_height, s.stride_height, s.pad_top, s.dilation_height, s.height, s.out_height};
}

inline Axis columns_of(const Convolution& s) {
  return {s.kernel_width, s.stride_width, s.pad_left, s.dilation_width, s.width, s.out_width};
}

// What differs between the two directions along one axis.
struct Direction {
  int64_t step;            // source pixels from one output pixel to the next
  int64_t phases;          // output pixels come in this many interleaved sets
  int64_t first, last;     // reach of the taps of all phases
  int64_t positions;       // output pixels of phase 0, the longest
};

inline Direction forward_direction(const Axis& axis) {
  return {axis.stride, 1, -axis.pad, (axis.kernel - 1) * axis.dilation - axis.pad, axis.out_size};
}

inline Direction backward_direction(const Axis& axis) {
  const int64_t far = axis.pad - (axis.kernel - 1) * axis.dilation;
  const int64_t first = far >= 0 ? far / axis.stride : -ceiling(-far, axis.stride);
  return {1, axis.stride, first, (axis.stride - 1 + axis.pad) / axis.stride, ceiling(axis.in_size, axis.stride)};
}

// Output pixels of one phase among `size`.
inline int64_t phase_size(int64_t size, int64_t phases, int64_t phase) {
  return phase < size ? ceiling(size - phase, phases) : 0;
}

inline AxisTaps forward_taps(const Axis& axis, AxisTap* taps) {
  for (int64_t k = 0; k < axis.kernel; ++k) taps[k] = {k * axis.dilation - axis.pad, k};
  return {taps, axis.kernel};
}

inline AxisTaps backward_taps(const Axis& axis, int64_t phase, AxisTap* taps) {
  int64_t count = 0;
  for (int64_t k = 0; k < axis.kernel; ++k) {
    const int64_t distance = phase + axis.pad - k * axis.dilation;
    if (distance % axis.stride == 0) taps[count++] = {distance / axis.stride, k};
  }
  return {taps, count};
}

// Taps [begin, end) of those along one axis that output position `position` sees inside a source of `size`.
struct TapRange {
  int64_t begin, end;
};

inline TapRange taps_inside(const AxisTaps& axis, int64_t position, int64_t size) {
  const auto inside = [&](int64_t k) {
    const int64_t source = position + axis.taps[k].offset;
    return source >= 0 && source < size;
  };
  TapRange range = {0, axis.count};
  while (range.begin < range.end && !inside(range.begin)) ++range.begin;
  while (range.end > range.begin && !inside(range.end - 1)) --range.end;
  return range;
}

}  // namespace
}  // namespace madi
