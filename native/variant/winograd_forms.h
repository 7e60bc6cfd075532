// Winograd's minimal filtering F(m x m, 3 x 3), for m = 2 and m = 4: the transforms along one axis.
//
// m outputs of a correlation with three taps take m + 2 products instead of 3 m:
//
//   y = A' ((G g) o (B' d))        d: m + 2 pixels, g: 3 taps, y: m outputs, o: element by element
//
//   m = 2     1  0 -1  0           1    0    0
//        B' = 0  1  1  0       G = 1/2  1/2  1/2       A' = 1  1  1  0
//             0 -1  1  0           1/2 -1/2  1/2            0  1 -1 -1
//             0  1  0 -1           0    0    1
//
//   m = 4     4  0 -5  0  1  0      1/4   0     0
//             0 -4 -4  1  1  0     -1/6  -1/6  -1/6         1  1  1  1  1  0
//        B' = 0  4 -4 -1  1  0  G = -1/6  1/6 -1/6     A' = 0  1 -1  2 -2  0
//             0 -2 -1  2  1  0      1/24  1/12  1/6         0  1  1  4  4  0
//             0  2 -1 -2  1  0      1/24 -1/12  1/6         0  1 -1  8 -8  1
//             0  4  0 -5  0  1      0     0     1
//
// Along both axes a tile of m x m outputs takes (m + 2)² products: 16 instead of 36, or 36 instead of 144.  With m = 4 the
// sums are of numbers of more different sizes, so that about a digit is lost: errors near 1e-5 of the largest output.
//
// The gradient of the taps has the same form with three outputs, and m "taps", those of gy: the same B', and
//
//   m = 2     1    0               m = 4   1/4   0     0     0
//        G  = 1/2  1/2                    -1/6  -1/6  -1/6  -1/6         1  1  1  1  1  0
//             1/2 -1/2                G =  -1/6  1/6  -1/6   1/6    A' = 0  1 -1  2 -2  0
//             0    1                       1/24  1/12  1/6   1/3         0  1  1  4  4  1
//                                          1/24 -1/12  1/6  -1/3
//        A' = 1  1  1  0                   0     0     0     1
//             0  1 -1  0
//             0  1  1 -1
//
// Winograd 1980; Lavin and Gray, Fast algorithms for convolutional neural networks, 2016.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

#define MADI_INLINE static inline __attribute__((always_inline))

template <int M>
struct Form;

template <>
struct Form<2> {
  static constexpr int kTile = 4, kPlaces = 16;

  // B' d
  MADI_INLINE void pixels(const Vector (&d)[4], Vector (&to)[4]) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
  }

  // G g
  MADI_INLINE void taps(const Vector (&g)[3], Vector (&to)[4]) {
    const Vector ends = (g[0] + g[2]) * 0.5f, middle = g[1] * 0.5f;
    to[0] = g[0], to[1] = ends + middle, to[2] = ends - middle, to[3] = g[2];
  }

  // A' m
  MADI_INLINE void outputs(const Vector (&m)[4], Vector (&y)[2]) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }

  // G gy without its factors, which wait until the sums are finished
  MADI_INLINE void slopes(const Vector (&g)[2], Vector (&to)[4]) {
    to[0] = g[0], to[1] = g[0] + g[1], to[2] = g[0] - g[1], to[3] = g[1];
  }

  // A' m of the gradient of the taps, with the factors of G
  MADI_INLINE void sums(const Vector (&m)[4], Vector (&to)[3]) {
    const Vector second = m[1] * 0.5f, third = m[2] * 0.5f;
    to[0] = m[0] + second + third;
    to[1] = second - third;
    to[2] = second + third - m[3];
  }
};

template <>
struct Form<4> {
  static constexpr int kTile = 6, kPlaces = 36;

  MADI_INLINE void pixels(const Vector (&d)[6], Vector (&to)[6]) {
    const Vector even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
    const Vector far = d[4] - d[2], apart = 2.0f * (d[3] - d[1]);
    to[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    to[1] = even + odd, to[2] = even - odd;
    to[3] = far + apart, to[4] = far - apart;
    to[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
  }

  MADI_INLINE void taps(const Vector (&g)[3], Vector (&to)[6]) {
    const Vector ends = (g[0] + g[2]) * (-1.0f / 6), middle = g[1] * (-1.0f / 6);
    const Vector wide = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), half = g[1] * (1.0f / 12);
    to[0] = g[0] * 0.25f;
    to[1] = ends + middle, to[2] = ends - middle;
    to[3] = wide + half, to[4] = wide - half;
    to[5] = g[2];
  }

  MADI_INLINE void outputs(const Vector (&m)[6], Vector (&y)[4]) {
    const Vector sum = m[1] + m[2], difference = m[1] - m[2], wide_sum = m[3] + m[4], wide_difference = m[3] - m[4];
    y[0] = m[0] + sum + wide_sum;
    y[1] = difference + 2.0f * wide_difference;
    y[2] = sum + 4.0f * wide_sum;
    y[3] = difference + 8.0f * wide_difference + m[5];
  }

  MADI_INLINE void slopes(const Vector (&g)[4], Vector (&to)[6]) {
    const Vector even = g[0] + g[2], odd = g[1] + g[3];
    const Vector wide_even = g[0] + 4.0f * g[2], wide_odd = 2.0f * g[1] + 8.0f * g[3];
    to[0] = g[0];
    to[1] = even + odd, to[2] = even - odd;
    to[3] = wide_even + wide_odd, to[4] = wide_even - wide_odd;
    to[5] = g[3];
  }

  MADI_INLINE void sums(const Vector (&m)[6], Vector (&to)[3]) {
    const Vector sum = (m[1] + m[2]) * (-1.0f / 6), difference = (m[1] - m[2]) * (-1.0f / 6);
    const Vector wide_sum = (m[3] + m[4]) * (1.0f / 24), wide_difference = (m[3] - m[4]) * (1.0f / 24);
    to[0] = m[0] * 0.25f + sum + wide_sum;
    to[1] = difference + 2.0f * wide_difference;
    to[2] = sum + 4.0f * wide_sum + m[5];
  }
};

#undef MADI_INLINE

}  // namespace
}  // namespace madi
