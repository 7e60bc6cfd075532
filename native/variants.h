// Layer 3: which variants this machine can run, and which one runs.
#pragma once

#include <vector>

#include "kernels.h"

namespace madi {

// All that this machine can run, the widest first.
std::vector<const Kernels*> variants();

}  // namespace madi
