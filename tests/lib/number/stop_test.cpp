// Stops and limits reach every thread.
#include <widecert/number/parallel.h>
#include <widecert/number/stop.h>

#include <atomic>
#include <thread>

#include "../../catch.h"

using namespace widecert;

namespace {
std::atomic<int> asked{0};
struct Enough {};
}  // namespace

TEST_CASE("poll asks what was set, on every thread, and what it throws ends the work") {
  asked = 0;
  set_stop_check([] {
    if (++asked > 100) throw Enough{};
  });
  std::atomic<int> done{0};
  CHECK_THROWS_AS(parallel_for(1'000'000, [&](std::size_t) { ++done; }), Enough);
  CHECK(done <= 100);
  set_stop_check(nullptr);
  CHECK_NOTHROW(poll());
}

TEST_CASE("a limit holds for its scope and the threads begun in it, the earliest of nested ones") {
  const auto past = TimeLimit::Clock::now() - std::chrono::seconds(1);
  {
    const TimeLimit none(TimeLimit::after(1e300));
    CHECK_NOTHROW(poll());
    {
      const TimeLimit limit(past);
      CHECK_THROWS_AS(poll(), TimeLimit::Passed);
      const TimeLimit later(TimeLimit::after(1000));
      CHECK_THROWS_AS(poll(), TimeLimit::Passed);
      CHECK_THROWS_AS(parallel_for(8, [](std::size_t) {}), TimeLimit::Passed);
      std::thread([] { CHECK_NOTHROW(poll()); }).join();
    }
    CHECK_NOTHROW(poll());
  }
  CHECK(TimeLimit::current() == TimeLimit::Clock::time_point::max());
}
