// What a person sees while widecert works: a progress bar on a terminal (stderr), colours on stdout
// unless NO_COLOR is set, and the ways a run can be cut short (time limit, interruption).
#pragma once

#include "proofs/prover.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace widecert::tool {

struct TimedOut : std::runtime_error {
  TimedOut() : std::runtime_error("the time limit was reached") {}
};
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

struct ConsoleOptions {
  bool quiet = false;
};

// SIGINT, SIGTERM and, after `timeout_seconds` (0: never), the alarm are remembered and passed on
// to the running child. throw_if_stopped(), and poll() of the library, then throw Interrupted or TimedOut. Where
// nothing has noticed within a second (a step of a foreign library), the process ends with that error all the same,
// printed with `json` as error_text says.
void catch_stops(double timeout_seconds, bool json);
void throw_if_stopped();
// To be called before the result of a run, or its error, is printed last: from then on nobody ends the process but us.
void begin_to_end();
// What --json prints of an error.
std::string error_text(const std::string& what, int exit);

// Runs a program without a shell, its standard output captured (or inherited if null). Returns its
// exit code; 127 if it cannot be started. Throws as throw_if_stopped() if a stop came meanwhile.
int run_child(const std::vector<std::string>& arguments, std::string* output);

// A Progress that draws a bar with the stage's name, calls throw_if_stopped(), and clears the line
// in finish().
// On a terminal; elsewhere a line every ten seconds.
class ProgressBar {
 public:
  explicit ProgressBar(const ConsoleOptions& options);
  ~ProgressBar() { finish(); }
  // Throws when a stop has come; show() does not, for those who call from a library that exceptions must not cross.
  void update(const std::string& stage, std::size_t done, std::size_t total);
  void show(const std::string& stage, std::size_t done, std::size_t total);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool draw_, tell_;
  Clock::time_point told_;
  bool dirty_ = false;
  std::string stage_;
  Clock::time_point stage_start_ = Clock::now(), last_{};
};

// "PROVED" in green and the like, when stdout is a terminal and NO_COLOR is not set.
std::string verdict_word(Verdict verdict);
std::string bold(const std::string& text);
// A word as a shell takes it back.
std::string shell_quoted(const std::string& word);

}  // namespace widecert::tool
