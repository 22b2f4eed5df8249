// Random tensors as they stand in case files.
#pragma once

#include <widecert/certificate/json.h>

#include <nlohmann/json.hpp>

#include "random.h"

namespace widecert::test {

// {"rows": ...} of integers of at most this size.
inline Json random_rows(Random& random, std::size_t count, std::size_t length, long size) {
  Json all = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < length; ++j) row.push_back(random.integer(-size, size));
    all.push_back(std::move(row));
  }
  return {{"rows", all}};
}

}  // namespace widecert::test
