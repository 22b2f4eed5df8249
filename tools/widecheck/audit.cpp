#include "audit.h"

#include <stdexcept>

namespace widecheck {
namespace {

struct Counted {
  std::string topic;
  std::size_t rules, evidence, evaluate, kernel, driver;
};
const Counted kCounted[] = {
#include "audit_lines.inc"
};

}  // namespace

std::vector<AuditPart> to_audit(const Topic& topic) {
  for (const Counted& lines : kCounted) {
    if (lines.topic != topic.name) continue;
    std::vector<AuditPart> parts{{"rules/" + lines.topic + ".cpp", lines.rules},
                                 {"evidence", lines.evidence},
                                 {"evaluate", lines.evaluate},
                                 {"kernel", lines.kernel},
                                 {"main.cpp", lines.driver}};
    std::erase_if(parts, [](const AuditPart& part) { return part.lines == 0; });
    return parts;
  }
  throw std::logic_error("no source was counted for a topic");
}

}  // namespace widecheck
