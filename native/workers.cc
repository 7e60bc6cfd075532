#include "workers.h"

#include <cstdlib>
#include <new>

namespace madi {
namespace {

constexpr std::size_t kAlignment = 64;
// A larger buffer is given back before the next one is taken, so that one huge image does not hold memory for good.
constexpr std::size_t kKeptFloats = std::size_t{1} << 24;

class Buffer {
 public:
  ~Buffer() { std::free(data_); }

  float* at_least(std::size_t floats) {
    if (floats > size_ || (size_ > kKeptFloats && floats <= kKeptFloats)) replace(floats);
    return data_;
  }

 private:
  void replace(std::size_t floats) {
    std::free(data_);
    size_ = 0;
    const std::size_t bytes = (floats * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<float*>(std::aligned_alloc(kAlignment, bytes));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = floats;
  }

  float* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace

Workers::~Workers() = default;

float* scratch(Purpose purpose, std::size_t floats) {
  static thread_local Buffer buffers[static_cast<int>(Purpose::count)];
  return buffers[static_cast<int>(purpose)].at_least(floats > 0 ? floats : 1);
}

}  // namespace madi
