// The most fused multiply-adds that a core does: what the other kernels are measured against.
#pragma once

#include "vectors.h"

namespace madi {
namespace {

#define MADI_TWELVE(step) \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)

// `rounds` rounds of twelve independent multiply-adds of registers.  Returns the floating-point operations done.
inline int64_t burn(int64_t rounds, float* result) {
  const Vector factor = Vector{} + 0.999f, term = Vector{} + 1e-3f;
#define MADI_START(k) Vector sum##k = Vector{} + float(k);
  MADI_TWELVE(MADI_START)
  for (int64_t round = 0; round < rounds; ++round) {
#define MADI_STEP(k) sum##k = sum##k * factor + term;
    MADI_TWELVE(MADI_STEP)
#define MADI_KEEP(k) __asm__ volatile("" : "+" MADI_VECTOR_REGISTER(sum##k));
    MADI_TWELVE(MADI_KEEP)
  }
  Vector total = {};
#define MADI_ADD(k) total += sum##k;
  MADI_TWELVE(MADI_ADD)
  store_some(result, total, 1);
  return rounds * 12 * kLanes * 2;
}

}  // namespace
}  // namespace madi
