// A case of the repository, read.
#pragma once

#include "paths.h"
#include "proofs/case_file.h"

namespace widecert::test {

struct Loaded {
  CaseFile file;
  Instance instance;
};

inline Loaded open_case(const std::string& name) {
  CaseFile file = read_case(cases() + "/" + name);
  Instance instance = load_instance(file);
  return {std::move(file), std::move(instance)};
}

}  // namespace widecert::test
