// The table of this variant's kernels.
#pragma once

#include "burn.h"
#include "convolution.h"
#include "dense.h"
#include "normalization.h"
#include "pooling.h"
#include "weight_gradient.h"

#define MADI_KERNEL_TABLE(variant)                                                                      \
  namespace madi {                                                                                      \
  const Kernels variant##_kernels = {#variant,                    convolution_forward,                  \
                                     convolution_input_gradient,  convolution_weight_gradient,          \
                                     max_pool_forward,            max_pool_backward,                    \
                                     normalization_moments,       normalization_backward,               \
                                     dense_forward,               dense_input_gradient,                 \
                                     dense_weight_gradient,       burn};                                \
  }
