#include "kernel/budget.h"

#include <string>

#include "kernel/verdict.h"

namespace widecheck {

void Budget::spend(Products work) {
  granted_ += work;
  if (!(granted_.n_ <= most_.n_))  // what is not a number is refused too
    throw Malformed("too-large",
                    "checking these claims takes more than " +
                        (times_ == 1 ? "10^12 products" : std::to_string(times_) + " times 10^12 products") +
                        "; refused (--work raises the limit)");
}

}  // namespace widecheck
