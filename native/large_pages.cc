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
// the whole of it is asked for with each large result: a request costs a microsecond, looking it up much more.
void prefer_large_pages(void* data, std::size_t bytes) {
  if (bytes < kLeastBytes) return;
  static thread_local Mapping recent = {0, 0, false};
  std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data), end = begin + bytes;
  if (!recent.holds(begin, end)) recent = mapping_of(begin);
  if (recent.anonymous && recent.holds(begin, end)) begin = recent.begin, end = recent.end;
  begin = begin / kLargePage * kLargePage;
  end = (end + kLargePage - 1) / kLargePage * kLargePage;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

#else

void prefer_large_pages(void*, std::size_t) {}

#endif

}  // namespace madi
