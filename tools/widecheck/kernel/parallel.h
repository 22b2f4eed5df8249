// Tasks on all cores.
#pragma once

#include <cstddef>
#include <functional>

namespace widecheck {

// Calls task(0), ..., task(count - 1), in any order; every thread has a function of its own, made by `worker`. Where no
// other thread can be had this one does it all. Rethrows the first exception, after which no task is begun.
using Task = std::function<void(std::size_t)>;
void in_parallel(std::size_t count, const std::function<Task()>& worker);

}  // namespace widecheck
