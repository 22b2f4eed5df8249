#include <sched.h>
#include <widecert/number/parallel.h>

namespace widecert {
namespace {

std::size_t chosen = 0;
thread_local bool single = false;

std::size_t available() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
}

}  // namespace

SingleThread::SingleThread() : before_(single) { single = true; }
SingleThread::~SingleThread() { single = before_; }

std::size_t threads() { return single ? 1 : chosen != 0 ? chosen : available(); }
void set_threads(std::size_t count) { chosen = count; }

}  // namespace widecert
