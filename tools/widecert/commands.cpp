#include "commands.h"

#include <widecert/number/error.h>

#include <cstdio>

namespace widecert::tool {

int worse(int a, int b) {
  for (int code : {kInternal, kInterrupted, kTimeout, kUsage, kMalformed, kRejected, kRefuted, kUndecided})
    if (a == code || b == code) return code;
  return kProved;
}

Shard read_shard(const std::string& text) {
  if (text.empty()) return {};
  unsigned long i = 0, n = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%lu/%lu%n", &i, &n, &used) != 2 || static_cast<std::size_t>(used) != text.size() ||
      i < 1 || i > n || n > 1'000'000) {
    throw InputError("--shard " + text + ": expected i/n with 1 <= i <= n, for example 2/5");
  }
  return {i - 1, n};
}

Options prover_options(const Common& common) {
  Options options;
  options.evidence = common.evidence;
  options.memory = common.memory;
  options.rung_seconds = common.rung_seconds;
  options.answer_by = common.answer_by;
  return options;
}

}  // namespace widecert::tool
