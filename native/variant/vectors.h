// One vector register of floats.  Every header in this folder is included once by each variant_*.cc, inside that file's
// own flags; all that it defines has internal linkage, so no wide instruction reaches code that other machines run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernels.h"

namespace madi {
namespace {

using std::int32_t;
using std::int64_t;
using std::uint16_t;

constexpr int kLanes = MADI_VECTOR_BYTES / 4;
constexpr int kRegisters = MADI_VECTOR_REGISTERS;

// The constraint of a vector register in inline assembly.
#if defined(__aarch64__)
#define MADI_VECTOR_REGISTER(value) "w"(value)
#elif MADI_VECTOR_REGISTERS == 32
#define MADI_VECTOR_REGISTER(value) "v"(value)
#else
#define MADI_VECTOR_REGISTER(value) "x"(value)
#endif

typedef float Vector __attribute__((vector_size(MADI_VECTOR_BYTES)));
typedef float Unaligned __attribute__((vector_size(MADI_VECTOR_BYTES), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }
inline Vector positive_part(Vector value) { return value > Vector{} ? value : Vector{}; }

// The first `count` lanes only, 0 < count < kLanes; the rest read as zero.  A masked access never touches the others.
#if defined(__AVX512F__)

inline uint16_t mask_of(int64_t count) { return static_cast<uint16_t>((1 << count) - 1); }

inline Vector load_part(const float* from, int64_t count) {
  return __builtin_ia32_loadups512_mask(from, Vector{}, mask_of(count));
}

inline void store_part(float* to, Vector value, int64_t count) {
  __builtin_ia32_storeups512_mask(to, value, mask_of(count));
}

#elif defined(__AVX2__)

typedef int32_t Mask __attribute__((vector_size(MADI_VECTOR_BYTES)));

inline Mask mask_of(int64_t count) {
  const Mask lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  return lanes < Mask{} + static_cast<int32_t>(count);
}

inline Vector load_part(const float* from, int64_t count) {
  return __builtin_ia32_maskloadps256(reinterpret_cast<const Vector*>(from), mask_of(count));
}

inline void store_part(float* to, Vector value, int64_t count) {
  __builtin_ia32_maskstoreps256(reinterpret_cast<Vector*>(to), mask_of(count), value);
}

#else

inline Vector load_part(const float* from, int64_t count) {
  Vector value = {};
  for (int lane = 0; lane < kLanes; ++lane)
    if (lane < count) value[lane] = from[lane];
  return value;
}

inline void store_part(float* to, Vector value, int64_t count) {
  for (int lane = 0; lane < kLanes; ++lane)
    if (lane < count) to[lane] = value[lane];
}

#endif

// As many lanes as `count` allows.
inline Vector load_some(const float* from, int64_t count) {
  return count >= kLanes ? load(from) : load_part(from, count);
}

inline void store_some(float* to, Vector value, int64_t count) {
  if (count >= kLanes) {
    store(to, value);
  } else {
    store_part(to, value, count);
  }
}

// All lanes, known while compiling.
struct AllLanes {};

inline Vector load_some(const float* from, AllLanes) { return load(from); }
inline void store_some(float* to, Vector value, AllLanes) { store(to, value); }

inline int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Part `index` of `count` things cut into `parts` nearly equal runs begins here; part `parts` begins at the end.
inline int64_t part_begin(int64_t count, int64_t parts, int64_t index) { return count * index / parts; }

constexpr int64_t kRunsPerThread = 8;

// Calls visit(index, whether it ends its run) for all of `count` things.  A chunk of work is a run of neighbours, so that
// within it the next one is known.
template <typename Visit>
void each_in_runs(Workers& workers, int64_t count, Visit visit) {
  const int64_t runs = least(count, kRunsPerThread * workers.threads());
  workers.each(runs, [&](int64_t run) {
    const int64_t end = part_begin(count, runs, run + 1);
    for (int64_t index = part_begin(count, runs, run); index < end; ++index) visit(index, index + 1 == end);
  });
}

// The least number of floats, not below `floats`, that fills an odd number of cache lines.  Arrays so far apart do not fall
// on the same few lines of the first-level cache, as they do at a distance of a power of two.
inline int64_t odd_lines(int64_t floats) { return (ceiling(floats, 16) | 1) * 16; }

}  // namespace
}  // namespace madi
