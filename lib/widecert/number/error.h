// The three voices of an error.
//
// * The caller's mistake or bad input: InputError (malformed or unsupported file, exit code 4) and
//   ShapeError (arguments that do not fit together). The message names the place, what was
//   expected, what was found, and where possible what to do.
// * Our own bug: InternalError, raised by check(), which is ordinary code and alive in every build.
// * A rejected certificate is not an error of this library: the checker reports it as a result.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace widecert {

class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ShapeError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// Whether an error is one of the first voice.
inline bool is_bad_input(const std::exception& error) {
  return dynamic_cast<const InputError*>(&error) != nullptr || dynamic_cast<const ShapeError*>(&error) != nullptr;
}

// Throws InternalError naming the place when `condition` is false. Never compiled out.
inline void check(bool condition, const char* what, std::source_location where = std::source_location::current()) {
  if (!condition) {
    throw InternalError(std::string("internal error at ") + where.file_name() + ":" + std::to_string(where.line()) +
                        ": " + what + " (please report this with the case file)");
  }
}

}  // namespace widecert
