#include "large_pages.h"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace madi {

#if defined(__linux__) && defined(MADV_HUGEPAGE)

namespace {

constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
constexpr std::size_t kLeastBytes = std::size_t{1} << 20;

}  // namespace

void prefer_large_pages(void* data, std::size_t bytes) {
  if (bytes < kLeastBytes) return;
  // Rounded outwards: the neighbours are other arrays of the same program, and a request changes no contents.
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data) / kLargePage * kLargePage;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(data) + bytes + kLargePage - 1) / kLargePage * kLargePage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

#else

void prefer_large_pages(void*, std::size_t) {}

#endif

}  // namespace madi
