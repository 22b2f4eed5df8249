#include "kernel/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace widecheck {

void in_parallel(std::size_t count, const std::function<Task()>& worker) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex guard;
  const auto work = [&] {
    try {
      const Task task = worker();
      for (std::size_t k = next.fetch_add(1); k < count; k = next.fetch_add(1)) task(k);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  constexpr std::size_t kMostThreads = 16;
  const std::size_t threads = std::min({std::size_t{std::thread::hardware_concurrency()}, kMostThreads, count});
  std::vector<std::thread> others;
  others.reserve(kMostThreads);
  for (std::size_t t = 1; t < threads; ++t) {
    try {
      others.emplace_back(work);
    } catch (const std::exception&) {
      break;  // no memory for another stack
    }
  }
  work();
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace widecheck
