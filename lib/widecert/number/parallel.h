// Work shared by the cores. Results never depend on the number of threads: every task writes to a
// place of its own.
#pragma once

#include <widecert/number/stop.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace widecert {

// How many threads the engines use: every core the process may run on, unless set_threads() said
// otherwise.
std::size_t threads();
void set_threads(std::size_t count);  // 0: every core
// For its life, threads() is 1 on this thread: for tasks that are shared out themselves.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  bool before_;
};

// Calls task(i) for i = 0..count-1, each once, in any order, and poll() before each (stop.h). The first exception is
// passed on after all threads have stopped.
template <class Task>
void parallel_for(std::size_t count, const Task& task) {
  const std::size_t workers = std::min(threads(), count);
  if (workers <= 1) {
    for (std::size_t i = 0; i < count; ++i) {
      poll();
      task(i);
    }
    return;
  }
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const auto work = [&, end = TimeLimit::current()]() {
    const TimeLimit limit(end);
    try {
      for (std::size_t i = next++; i < count; i = next++) {
        poll();
        task(i);
      }
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::thread> pool;
  for (std::size_t w = 1; w < workers; ++w) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace widecert
