// The instructions that every machine of this architecture has: SSE2 on x86-64, NEON on ARM64.
#define MADI_VECTOR_BYTES 16
#if defined(__aarch64__)
#define MADI_VECTOR_REGISTERS 32
#else
#define MADI_VECTOR_REGISTERS 16
#endif
#include "variant/table.h"
MADI_KERNEL_TABLE(portable)
