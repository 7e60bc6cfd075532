// Fresh memory in large pages.
#pragma once

#include <cstddef>

namespace madi {

// Asks the system to back the memory of a large result with large pages from its first touch on.  XLA hands out fresh
// memory in every call of a program, and a fault for each 4 KiB of it can cost more than the arithmetic on it.  Memory that
// was touched before stays as it is, and so does everything where the system knows no such request.
void prefer_large_pages(void* data, std::size_t bytes);

}  // namespace madi
