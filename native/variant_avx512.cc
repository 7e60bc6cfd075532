#define MADI_VECTOR_BYTES 64
#define MADI_VECTOR_REGISTERS 32
#include "variant/table.h"
MADI_KERNEL_TABLE(avx512)
