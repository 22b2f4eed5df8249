#include <widecert/number/stop.h>

#include <algorithm>
#include <atomic>

namespace widecert {
namespace {

using Clock = TimeLimit::Clock;

std::atomic<StopCheck> stop_check{nullptr};
thread_local Clock::time_point limit = Clock::time_point::max();

}  // namespace

void set_stop_check(StopCheck check) { stop_check = check; }

void poll() {
  if (const StopCheck check = stop_check.load(std::memory_order_relaxed)) check();
  if (limit != Clock::time_point::max() && Clock::now() >= limit) throw TimeLimit::Passed();
}

TimeLimit::TimeLimit(Clock::time_point end) : before_(limit) { limit = std::min(limit, end); }
TimeLimit::~TimeLimit() { limit = before_; }
Clock::time_point TimeLimit::after(double seconds) {
  constexpr double kMost = 1e9;
  if (!(seconds < kMost)) return Clock::time_point::max();
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}
Clock::time_point TimeLimit::current() { return limit; }

}  // namespace widecert
