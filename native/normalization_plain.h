// Layer 1 of batch normalization: the equations as plain loops over one channel.
#pragma once

#include <cmath>

#include "kernels.h"

namespace madi::plain {

using std::int64_t;

// mean[c] and variance[c] over the rows of x (rows, channels); variance: mean squared distance from the mean
inline void moments(const Normalization& s, const float* x, int64_t c, double& mean, double& variance) {
  mean = variance = 0;
  for (int64_t r = 0; r < s.rows; ++r) mean += double(x[r * s.channels + c]) / s.rows;
  for (int64_t r = 0; r < s.rows; ++r) variance += std::pow(x[r * s.channels + c] - mean, 2) / s.rows;
}

// With xhat = (x - mean) / sqrt(variance + epsilon) and means over the rows:
//   gshift = sum of gy;  gscale = sum of gy xhat
//   gx = scale / sqrt(variance + epsilon) (gy - mean of gy - xhat (mean of gy xhat))
inline void normalization_backward(const Normalization& s, const float* x, const float* gy, double scale, double mean,
                                   double variance, int64_t c, double* gx, double& gscale, double& gshift) {
  const double inverse = 1 / std::sqrt(variance + s.epsilon);
  gscale = gshift = 0;
  for (int64_t r = 0; r < s.rows; ++r) {
    gshift += gy[r * s.channels + c];
    gscale += gy[r * s.channels + c] * (x[r * s.channels + c] - mean) * inverse;
  }
  for (int64_t r = 0; r < s.rows; ++r) {
    const int64_t k = r * s.channels + c;
    gx[k] = scale * inverse * (gy[k] - gshift / s.rows - (x[k] - mean) * inverse * gscale / s.rows);
  }
}

}  // namespace madi::plain
