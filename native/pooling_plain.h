// Layer 1 of max pooling: the equations as plain loops.
#pragma once

#include <limits>

#include "kernels.h"

namespace madi::plain {

using std::int64_t;

// Calls visit(y index, x index, place in the window) for every pixel of every window that lies inside the image.
template <typename Visit>
void for_each_place(const Pooling& s, Visit visit) {
  for (int64_t n = 0; n < s.images; ++n)
    for (int64_t i = 0; i < s.out_height; ++i)
      for (int64_t j = 0; j < s.out_width; ++j)
        for (int64_t k = 0; k < s.size_height; ++k)
          for (int64_t l = 0; l < s.size_width; ++l) {
            const int64_t h = i * s.stride_height + k - s.pad_top, w = j * s.stride_width + l - s.pad_left;
            if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
            for (int64_t c = 0; c < s.channels; ++c)
              visit(((n * s.out_height + i) * s.out_width + j) * s.channels + c,
                    ((n * s.height + h) * s.width + w) * s.channels + c, k * s.size_width + l);
          }
}

// y[n,i,j,c] = max over k, l of x[n, i s + k - p, j s + l - p, c]; place: where it was, the first of equals
inline void max_pool_forward(const Pooling& s, const float* x, float* y, std::uint8_t* place, int64_t outputs) {
  for (int64_t k = 0; k < outputs; ++k) y[k] = -std::numeric_limits<float>::infinity(), place[k] = 255;
  for_each_place(s, [=](int64_t out, int64_t in, int64_t where) {
    if (place[out] != 255 && !(x[in] > y[out]) && x[in] == x[in]) return;
    y[out] = x[in];
    place[out] = static_cast<std::uint8_t>(where);
  });
}

// gx[n,h,w,c] = sum of gy over the windows whose maximum stood at (h, w)
inline void max_pool_backward(const Pooling& s, const float* gy, const std::uint8_t* place, double* gx) {
  for_each_place(s, [=](int64_t out, int64_t in, int64_t where) {
    if (place[out] == where) gx[in] += gy[out];
  });
}

}  // namespace madi::plain
