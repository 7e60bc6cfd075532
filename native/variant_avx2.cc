#define MADI_VECTOR_BYTES 32
#define MADI_VECTOR_REGISTERS 16
#include "variant/table.h"
MADI_KERNEL_TABLE(avx2)
