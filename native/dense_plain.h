// Layer 1 of the dense layer: the equations as plain loops over one trial.
#pragma once

#include "kernels.h"

namespace madi::plain {

using std::int64_t;

// y[n,m] = bias[m] + sum over k of x[n,k] weight[k,m]
inline void dense_forward(const Dense& s, const float* x, const float* weight, const float* bias, double* y) {
  for (int64_t n = 0; n < s.rows; ++n)
    for (int64_t m = 0; m < s.outputs; ++m) {
      double& sum = y[n * s.outputs + m] = bias ? bias[m] : 0;
      for (int64_t k = 0; k < s.inputs; ++k) sum += double(x[n * s.inputs + k]) * weight[k * s.outputs + m];
    }
}

// gx[n,k] = sum over m of gy[n,m] weight[k,m]
inline void dense_input_gradient(const Dense& s, const float* gy, const float* weight, double* gx) {
  for (int64_t n = 0; n < s.rows; ++n)
    for (int64_t k = 0; k < s.inputs; ++k) {
      double& sum = gx[n * s.inputs + k] = 0;
      for (int64_t m = 0; m < s.outputs; ++m) sum += double(gy[n * s.outputs + m]) * weight[k * s.outputs + m];
    }
}

// gweight[k,m] = sum over n of x[n,k] gy[n,m];  gbias[m] = sum over n of gy[n,m]
inline void dense_weight_gradient(const Dense& s, const float* x, const float* gy, double* gweight, double* gbias) {
  for (int64_t m = 0; m < s.outputs; ++m) gbias[m] = 0;
  for (int64_t km = 0; km < s.inputs * s.outputs; ++km) gweight[km] = 0;
  for (int64_t n = 0; n < s.rows; ++n)
    for (int64_t m = 0; m < s.outputs; ++m) {
      const double gradient = gy[n * s.outputs + m];
      gbias[m] += gradient;
      for (int64_t k = 0; k < s.inputs; ++k) gweight[k * s.outputs + m] += x[n * s.inputs + k] * gradient;
    }
}

}  // namespace madi::plain
