// How long work ends early. Loops that may run for a second call poll(), which throws when the work is to end: what the
// program said by set_stop_check (an interruption, a limit on the whole run), or TimeLimit::Passed within a scope that
// has a limit of its own. parallel_for polls before each task, on every thread.
#pragma once

#include <chrono>

namespace widecert {

// Called by poll(), on any thread, at once on several; throws to end the work, else returns. Null: nothing is asked.
using StopCheck = void (*)();
void set_stop_check(StopCheck check);

void poll();

// For its life, poll() on this thread, and on those that parallel_for starts from it, throws Passed once `end` has
// come. Scopes nest: the earliest end counts.
class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;
  struct Passed {};

  explicit TimeLimit(Clock::time_point end);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  // So many seconds from now: never if infinite, or more than 30 years.
  static Clock::time_point after(double seconds);
  // That of this thread, for another.
  static Clock::time_point current();

 private:
  Clock::time_point before_;
};

}  // namespace widecert
