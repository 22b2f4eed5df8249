// What an auditor of a claim reads besides the trusted base: the rules of its topic, what these rest on, and
// the kernel. The build counts the lines and follows the includes (count_lines.cmake).
#pragma once

#include <string>
#include <vector>

#include "kernel/rule.h"

namespace widecheck {

struct AuditPart {
  std::string name;   // rules/TOPIC.cpp, evidence, evaluate, kernel, main.cpp
  std::size_t lines;  // of code: neither blank nor comment only; not 0
};
std::vector<AuditPart> to_audit(const Topic& topic);

}  // namespace widecheck
