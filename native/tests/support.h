// Arrays of exactly the right size, and a pool of threads with the freedoms of XLA's.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace {

using std::int64_t;

// An array that ends where its last element does.
class Array {
 public:
  explicit Array(int64_t size) : size_(size), data_(new float[size]) {}
  Array(int64_t size, std::mt19937& random) : Array(size) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t k = 0; k < size; ++k) data_[k] = uniform(random);
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  int64_t size_;
  std::unique_ptr<float[]> data_;
};

// A pool with the freedoms of XLA's: a task may run late, in the caller, or after the call has returned.
class Pool {
 public:
  explicit Pool(unsigned seed) : random_(seed) {}
  ~Pool() {
    for (std::thread& thread : threads_) thread.join();
  }

  template <typename Task>
  void Schedule(Task task) {
    switch (random_() % 4) {
      case 0:
        return task();
      case 1:
        return threads_.emplace_back([task]() mutable {
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
          task();
        }), void();
      default:
        threads_.emplace_back(task);
    }
  }

 private:
  std::mt19937 random_;
  std::vector<std::thread> threads_;
};

int64_t pick(std::mt19937& random, std::initializer_list<int64_t> values) {
  return values.begin()[random() % values.size()];
}

}  // namespace
