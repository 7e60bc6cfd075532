// Layer 2 of max pooling: one chunk is a row of windows forward, an image backward, where windows may overlap.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

using std::uint8_t;

typedef int32_t Places __attribute__((vector_size(MADI_VECTOR_BYTES)));
typedef uint8_t NarrowPlaces __attribute__((vector_size(kLanes)));
typedef uint8_t UnalignedPlaces __attribute__((vector_size(kLanes), aligned(1), may_alias));

inline Places load_places(const uint8_t* from) {
  const NarrowPlaces narrow = *reinterpret_cast<const UnalignedPlaces*>(from);
  return __builtin_convertvector(narrow, Places);
}

inline void store_places(uint8_t* to, Places places) {
  *reinterpret_cast<UnalignedPlaces*>(to) = __builtin_convertvector(places, NarrowPlaces);
}

// The part of a window that lies inside the image, along one axis.
struct Extent {
  int64_t begin, end;  // places in the window
  int64_t start;       // pixel of place 0, possibly outside
};

inline Extent extent_of(int64_t index, int64_t stride, int64_t pad, int64_t size, int64_t limit) {
  const int64_t start = index * stride - pad;
  return {least(most(-start, 0), size), most(least(limit - start, size), 0), start};
}

inline Extent rows_of(const Pooling& s, int64_t i) {
  return extent_of(i, s.stride_height, s.pad_top, s.size_height, s.height);
}

inline Extent columns_of(const Pooling& s, int64_t j) {
  return extent_of(j, s.stride_width, s.pad_left, s.size_width, s.width);
}

// Calls visit(place in the window, offset of its pixel in the image) for the places inside the image.
template <typename Visit>
inline void for_each_place(const Pooling& s, const Extent& rows, const Extent& columns, Visit visit) {
  for (int64_t k = rows.begin; k < rows.end; ++k)
    for (int64_t l = columns.begin; l < columns.end; ++l)
      visit(static_cast<int32_t>(k * s.size_width + l),
            ((rows.start + k) * s.width + columns.start + l) * s.channels);
}

// ---- forward

inline void max_of_lanes(const Pooling& s, const Extent& rows, const Extent& columns, const float* x, float* y,
                         uint8_t* places) {
  const int32_t first = static_cast<int32_t>(rows.begin * s.size_width + columns.begin);
  Vector best = Vector{} - __builtin_inff();
  Places where = Places{} + first;
  for_each_place(s, rows, columns, [&](int32_t place, int64_t offset) {
    const Vector value = load(x + offset);
    const Places better = (value > best) | (value != value);
    best = better ? value : best;
    where = better ? Places{} + place : where;
  });
  store(y, best);
  store_places(places, where);
}

inline void max_of_one(const Pooling& s, const Extent& rows, const Extent& columns, const float* x, float* y,
                       uint8_t* places) {
  float best = -__builtin_inff();
  int32_t where = static_cast<int32_t>(rows.begin * s.size_width + columns.begin);
  for_each_place(s, rows, columns, [&](int32_t place, int64_t offset) {
    const float value = x[offset];
    if (!(value > best) && value == value) return;
    best = value;
    where = place;
  });
  *y = best;
  *places = static_cast<uint8_t>(where);
}

inline void max_pool_row(const Pooling& s, const float* x, float* y, uint8_t* places, int64_t chunk) {
  const float* image = x + chunk / s.out_height * s.height * s.width * s.channels;
  const Extent rows = rows_of(s, chunk % s.out_height);
  for (int64_t j = 0; j < s.out_width; ++j) {
    const Extent columns = columns_of(s, j);
    const int64_t out = (chunk * s.out_width + j) * s.channels;
    int64_t c = 0;
    for (; c + kLanes <= s.channels; c += kLanes)
      max_of_lanes(s, rows, columns, image + c, y + out + c, places + out + c);
    if (c < s.channels && c > 0) {  // the last channels once more: quicker than one after the other
      c = s.channels - kLanes;
      max_of_lanes(s, rows, columns, image + c, y + out + c, places + out + c);
      continue;
    }
    for (; c < s.channels; ++c) max_of_one(s, rows, columns, image + c, y + out + c, places + out + c);
  }
}

// Rows are grouped, so that a chunk is worth handing to a thread.
inline int64_t rows_of_a_chunk(const Pooling& s, int64_t threads) {
  const int64_t rows = s.images * s.out_height;
  return most(least(ceiling(rows, 8 * threads), 64), 1);
}

inline void max_pool_forward(const Pooling& s, const float* x, float* y, uint8_t* places, Workers& workers) {
  const int64_t rows = s.images * s.out_height, run = rows_of_a_chunk(s, workers.threads());
  workers.each(ceiling(rows, run), [&](int64_t chunk) {
    for (int64_t row = chunk * run; row < least(rows, (chunk + 1) * run); ++row) max_pool_row(s, x, y, places, row);
  });
}

// ---- backward

inline void zero_floats(float* to, int64_t count) {
  for (int64_t k = 0; k < count; ++k) to[k] = 0.0f;
}

// Hands gy of one window to the pixels that were its maxima.  Where windows overlap, pixels add up what they get.
template <bool Overlap>
inline void scatter_window(const Pooling& s, const Extent& rows, const Extent& columns, const float* gy,
                           const uint8_t* places, float* image) {
  const auto scatter_lanes = [&](int64_t c) {
    const Vector gradient = load(gy + c);
    const Places where = load_places(places + c);
    for_each_place(s, rows, columns, [&](int32_t place, int64_t offset) {
      const Vector part = where == Places{} + place ? gradient : Vector{};
      float* to = image + offset + c;
      store(to, Overlap ? load(to) + part : part);
    });
  };
  int64_t c = 0;
  for (; c + kLanes <= s.channels; c += kLanes) scatter_lanes(c);
  if (!Overlap && c < s.channels && c > 0) return scatter_lanes(s.channels - kLanes);
  for (; c < s.channels; ++c)
    for_each_place(s, rows, columns, [&](int32_t place, int64_t offset) {
      const float part = places[c] == place ? gy[c] : 0.0f;
      image[offset + c] = Overlap ? image[offset + c] + part : part;
    });
}

template <bool Overlap>
inline void scatter_image(const Pooling& s, const float* gy, const uint8_t* places, float* image) {
  for (int64_t i = 0; i < s.out_height; ++i)
    for (int64_t j = 0; j < s.out_width; ++j, gy += s.channels, places += s.channels)
      scatter_window<Overlap>(s, rows_of(s, i), columns_of(s, j), gy, places, image);
}

// Whether every pixel lies in exactly one window, so that nothing need be zeroed or added.
inline bool windows_tile_the_image(const Pooling& s) {
  return s.stride_height == s.size_height && s.stride_width == s.size_width && s.pad_top == 0 && s.pad_left == 0 &&
         s.out_height * s.stride_height >= s.height && s.out_width * s.stride_width >= s.width;
}

inline void max_pool_backward(const Pooling& s, const float* gy, const uint8_t* places, float* gx, Workers& workers) {
  const int64_t in = s.height * s.width * s.channels, out = s.out_height * s.out_width * s.channels;
  workers.each(s.images, [&](int64_t image) {
    float* to = gx + image * in;
    if (windows_tile_the_image(s)) return scatter_image<false>(s, gy + image * out, places + image * out, to);
    zero_floats(to, in);
    scatter_image<true>(s, gy + image * out, places + image * out, to);
  });
}

}  // namespace
}  // namespace madi
