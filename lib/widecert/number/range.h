// A closed interval with rational ends, as claims state it.
#pragma once

#include <widecert/number/rational.h>

namespace widecert {

struct Range {
  Rational low, high;
};

}  // namespace widecert
