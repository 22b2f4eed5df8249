#include "commands.h"

namespace widecert::tool {

int worse(int a, int b) {
  for (int code :
       {kInternal, kInterrupted, kTimeout, kUsage, kMalformed, kRejected, kRefuted, kUndecided})
    if (a == code || b == code) return code;
  return kProved;
}

}  // namespace widecert::tool
