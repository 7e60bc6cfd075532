// Threads and scratch memory, as the kernels see them.
//
// The variants (AVX-512, AVX2, portable) include this header and no header of the standard library that holds inline
// code: an inline function compiled there with wide instructions could be the copy that the linker keeps for everyone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace madi {

// Runs a number of independent chunks of work.  A result may depend on how the work is cut into chunks, never on which
// thread takes which chunk, so that the same call gives the same bits whatever the threads do.
class Workers {
 public:
  using Body = void (*)(void* state, std::int64_t chunk);

  virtual ~Workers();
  virtual std::int64_t threads() const = 0;

  // Calls body(state, chunk) once for every chunk in [0, chunks) and returns when all have ended.
  virtual void run(std::int64_t chunks, Body body, void* state) = 0;

  // The same for a callable that takes the number of its chunk.
  template <typename Callable>
  void each(std::int64_t chunks, Callable callable) {
    run(
        chunks, [](void* state, std::int64_t chunk) { (*static_cast<Callable*>(state))(chunk); }, &callable);
  }
};

// What a piece of scratch is for.  A thread owns one buffer for each purpose.
enum class Purpose { taps, plan, weights, partial_sums, image, gradient, count };

// Memory of this thread for `purpose`, at least `floats` long, aligned to 64 bytes, reused from call to call: fresh pages
// cost as much as the arithmetic.  Valid until the thread asks for the same purpose again.  Never null: throws bad_alloc.
float* scratch(Purpose purpose, std::size_t floats);

}  // namespace madi
