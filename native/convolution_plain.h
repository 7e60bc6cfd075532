// Layer 1 of the convolutions: the equations as plain loops.  The tests hold every variant against these.
#pragma once

#include "kernels.h"

namespace madi::plain {

using std::int64_t;

// Calls visit(x index, weight index, y index) for every product of the convolution.
template <typename Visit>
void for_each_product(const Convolution& s, Visit visit) {
  for (int64_t t = 0; t < s.trials; ++t)
    for (int64_t n = 0; n < s.images; ++n)
      for (int64_t i = 0; i < s.out_height; ++i)
        for (int64_t j = 0; j < s.out_width; ++j)
          for (int64_t k = 0; k < s.kernel_height; ++k)
            for (int64_t l = 0; l < s.kernel_width; ++l) {
              const int64_t h = i * s.stride_height + k * s.dilation_height - s.pad_top;
              const int64_t w = j * s.stride_width + l * s.dilation_width - s.pad_left;
              if (h < 0 || h >= s.height || w < 0 || w >= s.width) continue;
              const int64_t x = (((t * s.images + n) * s.height + h) * s.width + w) * s.in_channels;
              const int64_t y = (((t * s.images + n) * s.out_height + i) * s.out_width + j) * s.out_channels;
              const int64_t weight = ((t * s.kernel_height + k) * s.kernel_width + l) * in_group(s);
              for (int64_t c = 0; c < in_group(s); ++c)
                for (int64_t o = 0; o < s.out_channels; ++o)
                  visit(x + o / out_group(s) * in_group(s) + c, (weight + c) * s.out_channels + o, y + o);
            }
}

// y[n,i,j,o] = sum over k, l, c of x[n, i s + k d - p, j s + l d - p, c] weight[k,l,c,o]
inline void forward(const Convolution& s, const float* x, const float* weight, double* y) {
  for_each_product(s, [=](int64_t a, int64_t b, int64_t c) { y[c] += double(x[a]) * weight[b]; });
}

// gx[n,h,w,c] = sum over the k, l, o and the i, j that looked at (h, w) of gy[n,i,j,o] weight[k,l,c,o]
inline void input_gradient(const Convolution& s, const float* gy, const float* weight, double* gx) {
  for_each_product(s, [=](int64_t a, int64_t b, int64_t c) { gx[a] += double(gy[c]) * weight[b]; });
}

// gweight[k,l,c,o] = sum over n, i, j of x[n, i s + k d - p, j s + l d - p, c] gy[n,i,j,o]
inline void weight_gradient(const Convolution& s, const float* x, const float* gy, double* gweight) {
  for_each_product(s, [=](int64_t a, int64_t b, int64_t c) { gweight[b] += double(x[a]) * gy[c]; });
}

}  // namespace madi::plain
