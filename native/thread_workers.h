// Chunks of work shared out over somebody else's threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "workers.h"

namespace madi {

// What the caller and its helpers share.  It outlives the call: a helper may start after the caller has returned, and then
// finds every chunk taken and touches nothing else.
class SharedChunks {
 public:
  SharedChunks(std::int64_t chunks, Workers::Body body, void* state) : chunks_(chunks), body_(body), state_(state) {}

  // Takes chunks until none is left.  `state_` is read only for a chunk that was taken, hence while the caller waits.
  void work() {
    for (std::int64_t chunk = next_.fetch_add(1); chunk < chunks_; chunk = next_.fetch_add(1)) {
      attempt(chunk);
      if (ended_.fetch_add(1) + 1 == chunks_) announce();
    }
  }

  // Waits for chunks that others have taken and so are at work on; never for a helper that has not started.
  void wait() {
    for (int turn = 0; turn < kTurns && ended_.load() != chunks_; ++turn) pause();
    std::unique_lock<std::mutex> lock(mutex_);
    all_ended_.wait(lock, [this] { return ended_.load() == chunks_; });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static constexpr int kTurns = 2000;  // about 20 microseconds: shorter than putting a thread to sleep and waking it

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }

  void attempt(std::int64_t chunk) {
    try {
      body_(state_, chunk);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  void announce() {
    std::lock_guard<std::mutex> lock(mutex_);
    all_ended_.notify_all();
  }

  const std::int64_t chunks_;
  const Workers::Body body_;
  void* const state_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::int64_t> ended_{0};
  std::mutex mutex_;
  std::condition_variable all_ended_;
  std::exception_ptr failure_;
};

// Workers over a pool: anything with Schedule(callable), such as xla::ffi::ThreadPool.
template <typename Pool>
class PoolWorkers final : public Workers {
 public:
  PoolWorkers(Pool& pool, std::int64_t threads) : pool_(pool), threads_(threads) {}

  std::int64_t threads() const override { return threads_; }

  void run(std::int64_t chunks, Body body, void* state) override {
    if (chunks <= 0) return;
    auto shared = std::make_shared<SharedChunks>(chunks, body, state);
    const std::int64_t helpers = (threads_ < chunks ? threads_ : chunks) - 1;
    for (std::int64_t helper = 0; helper < helpers; ++helper) pool_.Schedule([shared] { shared->work(); });
    shared->work();
    shared->wait();
  }

 private:
  Pool& pool_;
  const std::int64_t threads_;
};

}  // namespace madi
