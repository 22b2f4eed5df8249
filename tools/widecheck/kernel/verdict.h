// How widecheck says no. Both carry a fixed word that scripts and tests compare.
#pragma once

#include <stdexcept>
#include <string>

namespace widecheck {

// The file cannot be read as version 1 (exit code 4).
struct Malformed : std::runtime_error {
  Malformed(std::string word, const std::string& what) : std::runtime_error(what), reason(word) {}
  std::string reason;
};

// The certificate does not prove the claim (exit code 5).
struct Rejected : std::runtime_error {
  Rejected(std::string word, const std::string& what) : std::runtime_error(what), reason(word) {}
  std::string reason;
};

inline void require(bool condition, const char* reason, const std::string& what) {
  if (!condition) throw Rejected(reason, what);
}

}  // namespace widecheck
