#include "variants.h"

namespace madi {

std::vector<const Kernels*> variants() {
  std::vector<const Kernels*> found;
#if defined(MADI_X86_VARIANTS)
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx512) found.push_back(&avx512_kernels);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2_kernels);
#endif
  found.push_back(&portable_kernels);
  return found;
}

}  // namespace madi
