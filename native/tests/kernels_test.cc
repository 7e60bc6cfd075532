// Holds every variant that this machine can run against the plain loops, on heap buffers of exactly the right size, so
// that the sanitizers see any access beyond them.
//
//   kernels_test [SEED] [CASES]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "../convolution_plain.h"
#include "../dense_plain.h"
#include "../normalization_plain.h"
#include "../pooling_plain.h"
#include "../thread_workers.h"
#include "../variants.h"
#include "support.h"

namespace {

using madi::Convolution;
using madi::Dense;
using madi::Kernels;
using madi::Normalization;
using madi::Pooling;
using std::int64_t;

void choose_axis(std::mt19937& random, int64_t& in, int64_t& out, int64_t& kernel, int64_t& stride, int64_t& pad,
                 int64_t& dilation) {
  do {
    in = 1 + random() % 19;
    kernel = 1 + random() % 7;
    stride = 1 + random() % 3;
    dilation = 1 + random() % 2;
    pad = random() % (kernel + 1);
    const int64_t below = random() % (kernel + 1), reach = (kernel - 1) * dilation + 1;
    out = in + pad + below >= reach ? (in + pad + below - reach) / stride + 1 : 0;
  } while (out == 0);
}

Convolution choose(std::mt19937& random) {
  Convolution s;
  s.trials = pick(random, {1, 1, 1, 2});
  s.images = pick(random, {1, 2, 3, 7});
  s.groups = pick(random, {1, 1, 1, 2, 3});
  s.in_channels = s.groups * pick(random, {1, 2, 3, 5, 8, 15, 16, 17, 33});
  s.out_channels = s.groups * pick(random, {1, 3, 4, 8, 15, 16, 17, 32, 48, 64, 70});
  choose_axis(random, s.height, s.out_height, s.kernel_height, s.stride_height, s.pad_top, s.dilation_height);
  choose_axis(random, s.width, s.out_width, s.kernel_width, s.stride_width, s.pad_left, s.dilation_width);
  if (random() % 3 == 0) {  // a product of matrices
    s.kernel_height = s.kernel_width = 1;
    s.pad_top = s.pad_left = 0;
    if (random() % 3 != 0) s.stride_height = s.stride_width = 1;
    s.out_height = (s.height - 1) / s.stride_height + 1, s.out_width = (s.width - 1) / s.stride_width + 1;
    if (random() % 2) {  // of more than one block each way
      s.trials = 1, s.groups = pick(random, {1, 1, 2});
      s.in_channels = s.groups * pick(random, {64, 70, 130, 256, 300, 530});
      s.out_channels = s.groups * pick(random, {64, 130, 250, 272, 520});
    }
  } else if (random() % 3 == 0) {  // what Winograd's kernels take
    s.kernel_height = s.kernel_width = 3;
    s.stride_height = s.stride_width = s.dilation_height = s.dilation_width = 1;
    s.pad_top = random() % 4, s.pad_left = random() % 3;
    s.height = 4 + random() % 12, s.width = 4 + random() % 12;
    s.out_height = s.height + s.pad_top + random() % 2 - 2, s.out_width = s.width + s.pad_left + random() % 3 - 2;
    s.in_channels = s.groups * pick(random, {16, 32, 48, 144});
    s.out_channels = s.groups * pick(random, {16, 32, 48, 80, 144});
    if (random() % 2) {  // by its large tiles, of which there must be many
      s.trials = 1, s.groups = pick(random, {1, 1, 2}), s.images = 17;
      s.height = 9 + random() % 9, s.width = 9 + random() % 9;
      s.out_height = s.height + s.pad_top - 1, s.out_width = s.width + s.pad_left - 2;
      s.in_channels = s.groups * pick(random, {16, 32, 48}), s.out_channels = s.groups * pick(random, {16, 32, 48});
    }
  }
  return s;
}

void print(const Convolution& s) {
  std::printf("  trials %ld images %ld in %ldx%ldx%ld kernel %ldx%ld out %ldx%ldx%ld stride %ld %ld pad %ld %ld "
              "dilation %ld %ld groups %ld\n",
              long(s.trials), long(s.images), long(s.height), long(s.width), long(s.in_channels), long(s.kernel_height),
              long(s.kernel_width), long(s.out_height), long(s.out_width), long(s.out_channels), long(s.stride_height),
              long(s.stride_width), long(s.pad_top), long(s.pad_left), long(s.dilation_height), long(s.dilation_width),
              long(s.groups));
}

int failures = 0;

void compare(const char* variant, const char* what, const Convolution& s, const Array& got,
             const std::vector<double>& expected) {
  double scale = 1e-3;
  for (double value : expected) scale = std::max(scale, std::fabs(value));
  for (int64_t k = 0; k < got.size(); ++k) {
    if (std::fabs(got.data()[k] - expected[k]) <= 2e-5 * scale) continue;
    std::printf("%s %s: element %ld is %g, expected %g\n", variant, what, long(k), got.data()[k], expected[k]);
    print(s);
    ++failures;
    return;
  }
}

struct Case {
  Convolution shape;
  Array x, weight, bias, gy, output;
  bool with_bias, relu, gated;
  std::vector<double> y, gx, gweight, gbias;

  Case(const Convolution& s, std::mt19937& random)
      : shape(s),
        x(s.trials * s.images * s.height * s.width * s.in_channels, random),
        weight(s.trials * taps(s) * in_group(s) * s.out_channels, random),
        bias(s.trials * s.out_channels, random),
        gy(s.trials * s.images * s.out_height * s.out_width * s.out_channels, random),
        output(gy.size(), random),
        with_bias(random() % 2),
        relu(random() % 2),
        gated(random() % 2),
        y(gy.size()),
        gx(x.size()),
        gweight(weight.size()),
        gbias(bias.size()) {
    expect_forward();
    expect_gradients();
  }

  int64_t bias_index(int64_t k) const {
    return k / (gy.size() / shape.trials) * shape.out_channels + k % shape.out_channels;
  }

  void expect_forward() {
    for (int64_t k = 0; k < gy.size(); ++k) y[k] = with_bias ? bias.data()[bias_index(k)] : 0;
    madi::plain::forward(shape, x.data(), weight.data(), y.data());
    for (double& value : y) value = relu ? std::max(value, 0.0) : value;
  }

  void expect_gradients() {
    Array passed(gy.size());
    for (int64_t k = 0; k < gy.size(); ++k)
      passed.data()[k] = !gated || output.data()[k] > 0 ? gy.data()[k] : 0;
    madi::plain::input_gradient(shape, passed.data(), weight.data(), gx.data());
    madi::plain::weight_gradient(shape, x.data(), passed.data(), gweight.data());
    for (int64_t k = 0; k < gy.size(); ++k) gbias[bias_index(k)] += passed.data()[k];
  }

  void check(const Kernels& kernels, madi::Workers& workers) const {
    Array y_got(gy.size()), gx_got(x.size()), gweight_got(weight.size()), gbias_got(bias.size());
    const float* gate = gated ? output.data() : nullptr;
    kernels.convolution_forward(shape, x.data(), weight.data(), with_bias ? bias.data() : nullptr, relu, y_got.data(),
                                workers);
    kernels.convolution_input_gradient(shape, gy.data(), gate, weight.data(), gx_got.data(), workers);
    kernels.convolution_weight_gradient(shape, x.data(), gy.data(), gate, gweight_got.data(), gbias_got.data(), workers);
    compare(kernels.name, "forward", shape, y_got, y);
    compare(kernels.name, "input gradient", shape, gx_got, gx);
    compare(kernels.name, "weight gradient", shape, gweight_got, gweight);
    compare(kernels.name, "bias gradient", shape, gbias_got, gbias);
  }
};

// ---- max pooling

void choose_axis(std::mt19937& random, int64_t& in, int64_t& out, int64_t& size, int64_t& stride, int64_t& pad) {
  size = 1 + random() % 4;
  in = size + random() % 12;
  stride = random() % 2 ? size : 1 + random() % 4;
  pad = random() % size;
  out = (in + pad - size) / stride + 1;
  if ((out * stride) < in + pad && random() % 2) ++out;  // a last window that hangs over the edge
}

Pooling choose_pooling(std::mt19937& random) {
  Pooling s;
  s.images = pick(random, {1, 2, 5});
  s.channels = pick(random, {1, 3, 8, 16, 17, 40});
  choose_axis(random, s.height, s.out_height, s.size_height, s.stride_height, s.pad_top);
  choose_axis(random, s.width, s.out_width, s.size_width, s.stride_width, s.pad_left);
  return s;
}

void check(const char* variant, const char* what, bool equal) {
  if (equal) return;
  std::printf("%s max pooling: %s differ\n", variant, what);
  ++failures;
}

struct PoolingCase {
  Pooling shape;
  int64_t inputs, outputs;
  Array x, gy, y;
  std::vector<std::uint8_t> places;
  std::vector<double> gx;

  PoolingCase(const Pooling& s, std::mt19937& random)
      : shape(s),
        inputs(s.images * s.height * s.width * s.channels),
        outputs(s.images * s.out_height * s.out_width * s.channels),
        x(inputs, random),
        gy(outputs, random),
        y(outputs),
        places(outputs),
        gx(inputs) {
    for (int64_t k = 0; k < inputs; ++k) x.data()[k] = std::round(4 * x.data()[k]);  // so that maxima tie
    madi::plain::max_pool_forward(s, x.data(), y.data(), places.data(), outputs);
    madi::plain::max_pool_backward(s, gy.data(), places.data(), gx.data());
  }

  void check_variant(const Kernels& kernels, madi::Workers& workers) const {
    Array y_got(outputs), gx_got(inputs);
    std::unique_ptr<std::uint8_t[]> places_got(new std::uint8_t[outputs]);
    kernels.max_pool_forward(shape, x.data(), y_got.data(), places_got.get(), workers);
    kernels.max_pool_backward(shape, gy.data(), places_got.get(), gx_got.data(), workers);
    check(kernels.name, "maxima", std::equal(y.data(), y.data() + outputs, y_got.data()));
    check(kernels.name, "places", std::equal(places.begin(), places.end(), places_got.get()));
    bool near = true;
    for (int64_t k = 0; k < inputs; ++k) near = near && std::fabs(gx_got.data()[k] - gx[k]) < 1e-5;
    check(kernels.name, "gradients", near);
  }
};

// ---- batch normalization

struct NormalizationCase {
  Normalization shape;
  int64_t channels, size;
  Array x, gy, scale;
  std::vector<double> mean, variance, gx, gscale, gshift;

  NormalizationCase(const Normalization& s, std::mt19937& random)
      : shape(s),
        channels(s.trials * s.channels),
        size(channels * s.rows),
        x(size, random),
        gy(size, random),
        scale(channels, random),
        mean(channels),
        variance(channels),
        gx(size),
        gscale(channels),
        gshift(channels) {
    for (int64_t c = 0; c < channels; ++c) expect(c / s.channels * s.rows * s.channels, c);
  }

  // One channel, whose trial begins at `start`.
  void expect(int64_t start, int64_t entry) {
    const int64_t c = entry % shape.channels;
    madi::plain::moments(shape, x.data() + start, c, mean[entry], variance[entry]);
    madi::plain::normalization_backward(shape, x.data() + start, gy.data() + start, scale.data()[entry], mean[entry],
                                        variance[entry], c, gx.data() + start, gscale[entry], gshift[entry]);
  }

  void compare(const char* variant, const char* what, const Array& got, const std::vector<double>& expected) const {
    double scale = 1;
    for (double value : expected) scale = std::max(scale, std::fabs(value));
    for (int64_t k = 0; k < got.size(); ++k) {
      if (std::fabs(got.data()[k] - expected[k]) <= 1e-4 * scale) continue;
      std::printf("%s batch normalization, %s: element %ld is %g, expected %g (%ld x %ld)\n", variant, what, long(k),
                  got.data()[k], expected[k], long(shape.rows), long(shape.channels));
      ++failures;
      return;
    }
  }

  void check_variant(const Kernels& kernels, madi::Workers& workers) const {
    Array mean_got(channels), variance_got(channels), gx_got(size), gscale_got(channels), gshift_got(channels);
    kernels.normalization_moments(shape, x.data(), mean_got.data(), variance_got.data(), workers);
    kernels.normalization_backward(shape, x.data(), gy.data(), scale.data(), mean_got.data(), variance_got.data(),
                                   gx_got.data(), gscale_got.data(), gshift_got.data(), workers);
    compare(kernels.name, "mean", mean_got, mean);
    compare(kernels.name, "variance", variance_got, variance);
    compare(kernels.name, "gx", gx_got, gx);
    compare(kernels.name, "gscale", gscale_got, gscale);
    compare(kernels.name, "gshift", gshift_got, gshift);
  }
};

Normalization choose_normalization(std::mt19937& random) {
  const int64_t channels = pick(random, {1, 3, 16, 17, 32, 64, 70, 130}), rows = pick(random, {5, 60, 1500});
  return {pick(random, {1, 1, 2}), rows, channels, 1e-2f};
}

// ---- dense layers

struct DenseCase {
  Dense shape;
  Array x, weight, bias, gy;
  bool with_bias, relu;
  std::vector<double> y, gx, gweight, gbias;

  DenseCase(const Dense& s, std::mt19937& random)
      : shape(s),
        x(s.trials * s.rows * s.inputs, random),
        weight(s.trials * s.inputs * s.outputs, random),
        bias(s.trials * s.outputs, random),
        gy(s.trials * s.rows * s.outputs, random),
        with_bias(random() % 2),
        relu(random() % 2),
        y(gy.size()),
        gx(x.size()),
        gweight(weight.size()),
        gbias(bias.size()) {
    for (int64_t t = 0; t < s.trials; ++t) expect(t);
    for (double& value : y) value = relu ? std::max(value, 0.0) : value;
  }

  void expect(int64_t t) {
    const int64_t in = t * shape.rows * shape.inputs, out = t * shape.rows * shape.outputs;
    const int64_t entry = t * shape.inputs * shape.outputs;
    madi::plain::dense_forward(shape, x.data() + in, weight.data() + entry,
                               with_bias ? bias.data() + t * shape.outputs : nullptr, y.data() + out);
    madi::plain::dense_input_gradient(shape, gy.data() + out, weight.data() + entry, gx.data() + in);
    madi::plain::dense_weight_gradient(shape, x.data() + in, gy.data() + out, gweight.data() + entry,
                                       gbias.data() + t * shape.outputs);
  }

  void compare(const char* variant, const char* what, const Array& got, const std::vector<double>& expected) const {
    double scale = 1;
    for (double value : expected) scale = std::max(scale, std::fabs(value));
    for (int64_t k = 0; k < got.size(); ++k) {
      if (std::fabs(got.data()[k] - expected[k]) <= 2e-5 * scale) continue;
      std::printf("%s dense, %s: element %ld is %g, expected %g (%ld x %ld x %ld)\n", variant, what, long(k),
                  got.data()[k], expected[k], long(shape.rows), long(shape.inputs), long(shape.outputs));
      ++failures;
      return;
    }
  }

  void check_variant(const Kernels& kernels, madi::Workers& workers) const {
    Array y_got(gy.size()), gx_got(x.size()), gweight_got(weight.size()), gbias_got(bias.size());
    kernels.dense_forward(shape, x.data(), weight.data(), with_bias ? bias.data() : nullptr, relu, y_got.data(), workers);
    kernels.dense_input_gradient(shape, gy.data(), weight.data(), gx_got.data(), workers);
    kernels.dense_weight_gradient(shape, x.data(), gy.data(), gweight_got.data(), gbias_got.data(), workers);
    compare(kernels.name, "y", y_got, y);
    compare(kernels.name, "gx", gx_got, gx);
    compare(kernels.name, "gweight", gweight_got, gweight);
    compare(kernels.name, "gbias", gbias_got, gbias);
  }
};

Dense choose_dense(std::mt19937& random) {
  const auto size = [&] { return pick(random, {1, 3, 7, 8, 10, 16, 17, 31, 40, 100, 112, 130}); };
  return {pick(random, {1, 1, 3}), size(), size(), size()};
}

}  // namespace

int main(int count, char** arguments) {
  const unsigned seed = count > 1 ? std::atoi(arguments[1]) : 0;
  const int cases = count > 2 ? std::atoi(arguments[2]) : 100;
  std::mt19937 random(seed);
  for (int k = 0; k < cases; ++k) {
    const Case example(choose(random), random);
    const PoolingCase pooling(choose_pooling(random), random);
    const NormalizationCase normalization(choose_normalization(random), random);
    const DenseCase dense(choose_dense(random), random);
    for (const Kernels* kernels : madi::variants()) {
      Pool pool(random());
      madi::PoolWorkers<Pool> workers(pool, 1 + random() % 4);
      example.check(*kernels, workers);
      pooling.check_variant(*kernels, workers);
      normalization.check_variant(*kernels, workers);
      dense.check_variant(*kernels, workers);
    }
  }
  std::printf("%d cases, %d failures\n", cases, failures);
  return failures > 0;
}
