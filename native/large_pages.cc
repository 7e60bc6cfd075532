#include "large_pages.h"

#include <cstdint>
#include <cstdio>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace madi {

#if defined(__linux__) && defined(MADV_HUGEPAGE)

namespace {

constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
constexpr std::size_t kLeastBytes = std::size_t{1} << 20;
constexpr int kKnown = 32;

// A mapping of this process, as the system lists them.
struct Mapping {
  std::uintptr_t begin, end;
  bool anonymous;  // neither a file nor the heap or a stack

  bool holds(std::uintptr_t first, std::uintptr_t last) const { return begin <= first && last <= end; }
};

Mapping mapping_of(std::uintptr_t address) {
  Mapping found = {0, 0, false};
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  if (maps == nullptr) return found;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin, end, inode;
    char name = 0;
    if (std::sscanf(line, "%lx-%lx %*s %*s %*s %lu %c", &begin, &end, &inode, &name) < 3) continue;
    if (begin <= address && address < end) found = {begin, end, inode == 0 && name == 0};
  }
  std::fclose(maps);
  return found;
}

}  // namespace

// XLA's arrays of one call lie in one mapping, which is fresh in each call and mostly stands where the last one stood.  So
// the whole of it is asked for with each large result: a request costs a microsecond, looking it up a hundred and more.
// What was found is therefore kept, for some results: those that lie in several mappings count as mappings of their own.
void prefer_large_pages(void* data, std::size_t bytes) {
  if (bytes < kLeastBytes) return;
  static thread_local Mapping known[kKnown] = {};
  static thread_local int oldest = 0;
  std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data), end = begin + bytes;
  const Mapping* found = nullptr;
  for (const Mapping& mapping : known)
    if (mapping.holds(begin, end)) found = &mapping;
  if (found == nullptr) {
    const Mapping mapping = mapping_of(begin);
    known[oldest] = mapping.anonymous && mapping.holds(begin, end) ? mapping : Mapping{begin, end, true};
    found = &known[oldest];
    oldest = (oldest + 1) % kKnown;
  }
  begin = found->begin / kLargePage * kLargePage;
  end = (found->end + kLargePage - 1) / kLargePage * kLargePage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

#else

void prefer_large_pages(void*, std::size_t) {}

#endif

}  // namespace madi
