// Layer 4: the kernels as targets of XLA's foreign function interface, and the choice of the variant from outside.
//
// A missing argument is an array without elements.  Leading axes beyond those that the kernel names are trials.
#include <atomic>
#include <cstring>
#include <new>
#include <string>

#include "large_pages.h"
#include "thread_workers.h"
#include "variants.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace madi {
namespace {

using std::int64_t;
using Floats = ffi::Buffer<ffi::F32>;
using Bytes = ffi::Buffer<ffi::U8>;
using Pair = ffi::Span<const int64_t>;
template <typename Buffer>
using Out = ffi::Result<Buffer>;

// ---- the choice

std::atomic<const Kernels*>& chosen() {
  static std::atomic<const Kernels*> kernels{variants().front()};
  return kernels;
}

// ---- shapes

using Dimensions = ffi::AnyBuffer::Dimensions;

// Axis `axis` of the last `rank`; 0, which fits nothing, where there are fewer.
int64_t size_of(Dimensions dimensions, std::size_t rank, std::size_t axis) {
  return dimensions.size() < rank ? 0 : dimensions[dimensions.size() - rank + axis];
}

int64_t leading(Dimensions dimensions, std::size_t rank) {
  int64_t product = 1;
  for (std::size_t axis = 0; axis + rank < dimensions.size(); ++axis) product *= dimensions[axis];
  return product;
}

Convolution shape_of(Dimensions x, Dimensions weight, Dimensions y, Pair stride, Pair padding, Pair dilation,
                     int64_t groups) {
  Convolution s = {};
  s.trials = leading(x, 4);
  s.images = size_of(x, 4, 0), s.height = size_of(x, 4, 1), s.width = size_of(x, 4, 2), s.in_channels = size_of(x, 4, 3);
  s.kernel_height = size_of(weight, 4, 0), s.kernel_width = size_of(weight, 4, 1), s.out_channels = size_of(weight, 4, 3);
  s.out_height = size_of(y, 4, 1), s.out_width = size_of(y, 4, 2);
  s.stride_height = stride[0], s.stride_width = stride[1];
  s.pad_top = padding[0], s.pad_left = padding[1];
  s.dilation_height = dilation[0], s.dilation_width = dilation[1];
  s.groups = groups;
  return s;
}

// Whether the arrays fit each other, so that no kernel reads outside one.
bool consistent(const Convolution& s, Dimensions x, Dimensions weight, Dimensions y) {
  const bool trials = leading(weight, 4) == s.trials && leading(y, 4) == s.trials && x.size() >= 4;
  const bool batch = size_of(y, 4, 0) == s.images && size_of(y, 4, 3) == s.out_channels;
  const bool groups = s.groups > 0 && s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0;
  const bool steps = s.stride_height > 0 && s.stride_width > 0 && s.dilation_height > 0 && s.dilation_width > 0;
  return trials && batch && groups && steps && size_of(weight, 4, 2) == in_group(s);
}

bool fits(const Floats& optional, int64_t elements) {
  return optional.element_count() == 0 || static_cast<int64_t>(optional.element_count()) == elements;
}

const float* data_or_null(const Floats& optional) {
  return optional.element_count() == 0 ? nullptr : optional.typed_data();
}

// The memory of a result, which the kernel is the first to write.
float* fresh(Out<Floats>& result) {
  prefer_large_pages(result->typed_data(), result->size_bytes());
  return result->typed_data();
}

ffi::Error unfit() { return ffi::Error::InvalidArgument("madi: the shapes of a kernel's arrays do not fit each other"); }

// Work of less than some 30 microseconds stays with the thread that has it: waking another would take as long.
constexpr int64_t kSmallProducts = int64_t{1} << 22;  // multiply-adds
constexpr int64_t kSmallArray = int64_t{1} << 17;     // elements

int64_t products(const Convolution& s) {
  return s.trials * s.images * s.out_height * s.out_width * taps(s) * in_group(s) * s.out_channels;
}

// Runs `call` with workers over XLA's threads, or with this thread alone; no exception leaves.
template <typename Call>
ffi::Error with_workers(ffi::ThreadPool& pool, bool small, Call call) {
  try {
    PoolWorkers<ffi::ThreadPool> workers(pool, small || pool.num_threads() < 1 ? 1 : pool.num_threads());
    call(*chosen().load(), workers);
    return ffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "madi: a kernel found no memory for its scratch");
  }
}

// ---- convolution

ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats weight, Floats bias, Out<Floats> y, Pair stride, Pair padding,
                   Pair dilation, int64_t groups, bool relu) {
  const auto s = shape_of(x.dimensions(), weight.dimensions(), y->dimensions(), stride, padding, dilation, groups);
  if (!consistent(s, x.dimensions(), weight.dimensions(), y->dimensions())) return unfit();
  if (!fits(bias, s.trials * s.out_channels)) return unfit();
  return with_workers(pool, products(s) < kSmallProducts, [&](const Kernels& kernels, Workers& workers) {
    kernels.convolution_forward(s, x.typed_data(), weight.typed_data(), data_or_null(bias), relu, fresh(y),
                                workers);
  });
}

ffi::Error input_gradient(ffi::ThreadPool pool, Floats gy, Floats output, Floats weight, Out<Floats> gx, Pair stride,
                          Pair padding, Pair dilation, int64_t groups) {
  const auto s = shape_of(gx->dimensions(), weight.dimensions(), gy.dimensions(), stride, padding, dilation, groups);
  if (!consistent(s, gx->dimensions(), weight.dimensions(), gy.dimensions())) return unfit();
  if (!fits(output, gy.element_count())) return unfit();
  return with_workers(pool, products(s) < kSmallProducts, [&](const Kernels& kernels, Workers& workers) {
    kernels.convolution_input_gradient(s, gy.typed_data(), data_or_null(output), weight.typed_data(), fresh(gx),
                                       workers);
  });
}

ffi::Error weight_gradient(ffi::ThreadPool pool, Floats x, Floats gy, Floats output, Out<Floats> gweight,
                           Out<Floats> gbias, Pair stride, Pair padding, Pair dilation, int64_t groups) {
  const auto s = shape_of(x.dimensions(), gweight->dimensions(), gy.dimensions(), stride, padding, dilation, groups);
  if (!consistent(s, x.dimensions(), gweight->dimensions(), gy.dimensions())) return unfit();
  if (!fits(output, gy.element_count()) || !fits(*gbias, s.trials * s.out_channels)) return unfit();
  float* bias = gbias->element_count() == 0 ? nullptr : gbias->typed_data();
  return with_workers(pool, products(s) < kSmallProducts, [&](const Kernels& kernels, Workers& workers) {
    kernels.convolution_weight_gradient(s, x.typed_data(), gy.typed_data(), data_or_null(output),
                                        gweight->typed_data(), bias, workers);
  });
}

// ---- pooling

Pooling shape_of(Dimensions x, Dimensions y, Pair size, Pair stride, Pair padding) {
  Pooling s = {};
  s.images = leading(x, 3);
  s.height = size_of(x, 3, 0), s.width = size_of(x, 3, 1), s.channels = size_of(x, 3, 2);
  s.out_height = size_of(y, 3, 0), s.out_width = size_of(y, 3, 1);
  s.size_height = size[0], s.size_width = size[1];
  s.stride_height = stride[0], s.stride_width = stride[1];
  s.pad_top = padding[0], s.pad_left = padding[1];
  return s;
}

int64_t elements(const Pooling& s) { return s.images * s.height * s.width * s.channels; }

bool consistent(const Pooling& s, Dimensions x, Dimensions y) {
  return x.size() >= 3 && leading(y, 3) == s.images && size_of(y, 3, 2) == s.channels && s.stride_height > 0 &&
         s.stride_width > 0 && s.size_height * s.size_width <= 256;
}

ffi::Error pool_forward(ffi::ThreadPool pool, Floats x, Out<Floats> y, Out<Bytes> places, Pair size, Pair stride,
                        Pair padding) {
  const Pooling s = shape_of(x.dimensions(), y->dimensions(), size, stride, padding);
  if (!consistent(s, x.dimensions(), y->dimensions()) || places->element_count() != y->element_count()) return unfit();
  return with_workers(pool, elements(s) < kSmallArray, [&](const Kernels& kernels, Workers& workers) {
    kernels.max_pool_forward(s, x.typed_data(), fresh(y), places->typed_data(), workers);
  });
}

ffi::Error pool_backward(ffi::ThreadPool pool, Floats gy, Bytes places, Out<Floats> gx, Pair size, Pair stride,
                         Pair padding) {
  const Pooling s = shape_of(gx->dimensions(), gy.dimensions(), size, stride, padding);
  if (!consistent(s, gx->dimensions(), gy.dimensions()) || places.element_count() != gy.element_count()) return unfit();
  return with_workers(pool, elements(s) < kSmallArray, [&](const Kernels& kernels, Workers& workers) {
    kernels.max_pool_backward(s, gy.typed_data(), places.typed_data(), fresh(gx), workers);
  });
}

// ---- batch normalization

Normalization shape_of(Dimensions x, float epsilon) {
  return {leading(x, 2), size_of(x, 2, 0), size_of(x, 2, 1), epsilon};
}

// Whether each array holds one number for each channel of each trial.
template <typename... Arrays>
bool by_channel(const Normalization& s, const Arrays&... arrays) {
  return ((static_cast<int64_t>(arrays.element_count()) == s.trials * s.channels) && ...);
}

ffi::Error normalize_moments(ffi::ThreadPool pool, Floats x, Out<Floats> mean, Out<Floats> variance) {
  const Normalization s = shape_of(x.dimensions(), 0);
  if (!by_channel(s, *mean, *variance)) return unfit();
  return with_workers(pool, static_cast<int64_t>(x.element_count()) < kSmallArray, [&](const Kernels& kernels, Workers& workers) {
    kernels.normalization_moments(s, x.typed_data(), mean->typed_data(), variance->typed_data(), workers);
  });
}

ffi::Error normalize_backward(ffi::ThreadPool pool, Floats x, Floats gy, Floats scale, Floats mean, Floats variance,
                              Out<Floats> gx, Out<Floats> gscale, Out<Floats> gshift, float epsilon) {
  const Normalization s = shape_of(x.dimensions(), epsilon);
  if (!by_channel(s, scale, mean, variance, *gscale, *gshift)) return unfit();
  if (gy.element_count() != x.element_count() || gx->element_count() != x.element_count()) return unfit();
  return with_workers(pool, static_cast<int64_t>(x.element_count()) < kSmallArray, [&](const Kernels& kernels, Workers& workers) {
    kernels.normalization_backward(s, x.typed_data(), gy.typed_data(), scale.typed_data(), mean.typed_data(),
                                   variance.typed_data(), fresh(gx), gscale->typed_data(),
                                   gshift->typed_data(), workers);
  });
}

// ---- dense layers

Dense shape_of(Dimensions x, Dimensions weight) {
  return {leading(x, 2), size_of(x, 2, 0), size_of(x, 2, 1), size_of(weight, 2, 1)};
}

// Whether arrays shaped as x, weight and y fit each other.
bool consistent(const Dense& s, Dimensions x, Dimensions weight, Dimensions y) {
  const bool ranks = x.size() >= 2 && weight.size() >= 2 && y.size() >= 2;
  const bool trials = leading(weight, 2) == s.trials && leading(y, 2) == s.trials;
  return ranks && trials && size_of(weight, 2, 0) == s.inputs && size_of(y, 2, 0) == s.rows &&
         size_of(y, 2, 1) == s.outputs;
}

ffi::Error dense_forward(ffi::ThreadPool pool, Floats x, Floats weight, Floats bias, Out<Floats> y, bool relu) {
  const Dense s = shape_of(x.dimensions(), weight.dimensions());
  if (!consistent(s, x.dimensions(), weight.dimensions(), y->dimensions())) return unfit();
  if (!fits(bias, s.trials * s.outputs)) return unfit();
  return with_workers(pool, false, [&](const Kernels& kernels, Workers& workers) {
    kernels.dense_forward(s, x.typed_data(), weight.typed_data(), data_or_null(bias), relu, y->typed_data(), workers);
  });
}

ffi::Error dense_input_gradient(ffi::ThreadPool pool, Floats gy, Floats weight, Out<Floats> gx) {
  const Dense s = shape_of(gx->dimensions(), weight.dimensions());
  if (!consistent(s, gx->dimensions(), weight.dimensions(), gy.dimensions())) return unfit();
  return with_workers(pool, false, [&](const Kernels& kernels, Workers& workers) {
    kernels.dense_input_gradient(s, gy.typed_data(), weight.typed_data(), gx->typed_data(), workers);
  });
}

ffi::Error dense_weight_gradient(ffi::ThreadPool pool, Floats x, Floats gy, Out<Floats> gweight, Out<Floats> gbias) {
  const Dense s = shape_of(x.dimensions(), gweight->dimensions());
  if (!consistent(s, x.dimensions(), gweight->dimensions(), gy.dimensions())) return unfit();
  if (!fits(*gbias, s.trials * s.outputs)) return unfit();
  float* bias = gbias->element_count() == 0 ? nullptr : gbias->typed_data();
  return with_workers(pool, false, [&](const Kernels& kernels, Workers& workers) {
    kernels.dense_weight_gradient(s, x.typed_data(), gy.typed_data(), gweight->typed_data(), bias, workers);
  });
}

}  // namespace
}  // namespace madi

// ---- what the library shows

using std::int64_t;

#pragma GCC visibility push(default)

// The name of the widest variant that this machine has.
extern "C" const char* madi_kernels_best() { return madi::variants().front()->name; }

// Runs the named variant from now on; 0 where this machine cannot.
extern "C" int madi_kernels_select(const char* name) {
  for (const madi::Kernels* kernels : madi::variants()) {
    if (std::strcmp(kernels->name, name) != 0) continue;
    madi::chosen().store(kernels);
    return 1;
  }
  return 0;
}

// Keeps one core busy with multiply-adds; returns the floating-point operations done.
extern "C" int64_t madi_kernels_burn(int64_t rounds) {
  float result;
  return madi::chosen().load()->burn(rounds, &result);
}

#define MADI_WINDOWS(binding) \
  binding.Attr<madi::Pair>("stride").Attr<madi::Pair>("padding").Attr<madi::Pair>("dilation").Attr<int64_t>("groups")

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_convolution_forward, madi::forward,
                              MADI_WINDOWS(ffi::Ffi::Bind()
                                               .Ctx<ffi::ThreadPool>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Ret<madi::Floats>())
                                  .Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_convolution_input_gradient, madi::input_gradient,
                              MADI_WINDOWS(ffi::Ffi::Bind()
                                               .Ctx<ffi::ThreadPool>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Ret<madi::Floats>()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_convolution_weight_gradient, madi::weight_gradient,
                              MADI_WINDOWS(ffi::Ffi::Bind()
                                               .Ctx<ffi::ThreadPool>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Arg<madi::Floats>()
                                               .Ret<madi::Floats>()
                                               .Ret<madi::Floats>()));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_max_pool_forward, madi::pool_forward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Ret<madi::Bytes>()
                                  .Attr<madi::Pair>("size")
                                  .Attr<madi::Pair>("stride")
                                  .Attr<madi::Pair>("padding"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_max_pool_backward, madi::pool_backward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Bytes>()
                                  .Ret<madi::Floats>()
                                  .Attr<madi::Pair>("size")
                                  .Attr<madi::Pair>("stride")
                                  .Attr<madi::Pair>("padding"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_batch_norm_moments, madi::normalize_moments,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Ret<madi::Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_batch_norm_backward, madi::normalize_backward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Attr<float>("epsilon"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_dense_forward, madi::dense_forward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Attr<bool>("relu"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_dense_input_gradient, madi::dense_input_gradient,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(madi_dense_weight_gradient, madi::dense_weight_gradient,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<madi::Floats>()
                                  .Arg<madi::Floats>()
                                  .Ret<madi::Floats>()
                                  .Ret<madi::Floats>());

#pragma GCC visibility pop
