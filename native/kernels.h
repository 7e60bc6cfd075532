// The kernels: their shapes, and the table of them that each variant fills.
#pragma once

#include <cstdint>

#include "workers.h"

namespace madi {

// A convolution of channels-last images.
//
//   x       (trials, images, height, width, in_channels)
//   weight  (trials, kernel_height, kernel_width, in_channels / groups, out_channels)
//   y       (trials, images, out_height, out_width, out_channels)
//
// Pixel (i, j) of y looks at pixels (i stride + k dilation - pad) of x; a pixel outside of x is zero.  What is padded below
// and to the right follows from the size of y.
struct Convolution {
  std::int64_t trials, images, height, width, in_channels;
  std::int64_t kernel_height, kernel_width, out_channels;
  std::int64_t out_height, out_width;
  std::int64_t stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width, groups;
};

static inline std::int64_t in_group(const Convolution& s) { return s.in_channels / s.groups; }
static inline std::int64_t out_group(const Convolution& s) { return s.out_channels / s.groups; }
static inline std::int64_t taps(const Convolution& s) { return s.kernel_height * s.kernel_width; }

// Windows of `size`, at most 256 pixels, over channels-last images, for pooling; padding as in a convolution.
struct Pooling {
  std::int64_t images, height, width, channels, out_height, out_width;
  std::int64_t size_height, size_width, stride_height, stride_width, pad_top, pad_left;
};

// Batch normalization of x (trials, rows, channels), each channel over the rows of its trial.
struct Normalization {
  std::int64_t trials, rows, channels;
  float epsilon;  // added to the variance
};

// The products of a dense layer, of row-major matrices.
//
//   x       (trials, rows, inputs)
//   weight  (trials, inputs, outputs)
//   y       (trials, rows, outputs)
struct Dense {
  std::int64_t trials, rows, inputs, outputs;
};

struct Kernels {
  const char* name;

  // y = x * weight + bias, then max(y, 0) where relu is set.  `bias` (trials, out_channels) may be null.
  void (*convolution_forward)(const Convolution&, const float* x, const float* weight, const float* bias, bool relu,
                              float* y, Workers&);

  // gx from gy.  Where `output` (the y of a ReLU) is not null, gy counts only where output > 0.
  void (*convolution_input_gradient)(const Convolution&, const float* gy, const float* output, const float* weight,
                                     float* gx, Workers&);

  // gweight and gbias (trials, out_channels) from x and gy, with `output` as above; gbias may be null.
  void (*convolution_weight_gradient)(const Convolution&, const float* x, const float* gy, const float* output,
                                      float* gweight, float* gbias, Workers&);

  // The largest value of each window and its place in the window, row by row; of equal ones the first.  A NaN wins.
  void (*max_pool_forward)(const Pooling&, const float* x, float* y, std::uint8_t* places, Workers&);

  // gy goes to the place of each window's maximum.
  void (*max_pool_backward)(const Pooling&, const float* gy, const std::uint8_t* places, float* gx, Workers&);

  // The mean and variance (trials, channels) of x.
  void (*normalization_moments)(const Normalization&, const float* x, float* mean, float* variance, Workers&);

  // All gradients, by these moments.
  void (*normalization_backward)(const Normalization&, const float* x, const float* gy, const float* scale,
                                 const float* mean, const float* variance, float* gx, float* gscale, float* gshift,
                                 Workers&);

  // y = x weight + bias, then max(y, 0) where relu is set.  `bias` (trials, outputs) may be null.
  void (*dense_forward)(const Dense&, const float* x, const float* weight, const float* bias, bool relu, float* y,
                        Workers&);

  // gx from gy.
  void (*dense_input_gradient)(const Dense&, const float* gy, const float* weight, float* gx, Workers&);

  // gweight and gbias (trials, outputs) from x and gy; gbias may be null.
  void (*dense_weight_gradient)(const Dense&, const float* x, const float* gy, float* gweight, float* gbias, Workers&);

  // Multiply-adds on registers alone, for benchmarks: returns how many floating-point operations it did.
  std::int64_t (*burn)(std::int64_t rounds, float* result);
};

extern const Kernels portable_kernels;
#if defined(MADI_X86_VARIANTS)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

}  // namespace madi
