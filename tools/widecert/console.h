// What a person sees while widecert works: a progress bar on a terminal (stderr), colours on stdout
// unless NO_COLOR is set, and the ways a run can be cut short (time limit, interruption).
#pragma once

#include <widecert/proofs/outcome.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace widecert::tool {

struct TimedOut : std::runtime_error {
  TimedOut() : std::runtime_error("the time limit was reached") {}
};
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

struct ConsoleOptions {
  bool quiet = false;
  double timeout_seconds = 0;  // 0: none
};

// Installs the handler that makes progress() throw Interrupted after SIGINT or SIGTERM.
void catch_interruptions();

// A Progress that draws a bar with the stage's name, throws TimedOut and Interrupted, and clears
// the line in finish().
class ProgressBar {
 public:
  explicit ProgressBar(const ConsoleOptions& options);
  ~ProgressBar() { finish(); }
  void update(const std::string& stage, std::size_t done, std::size_t total);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool draw_;
  double timeout_;
  bool dirty_ = false;
  std::string stage_;
  Clock::time_point start_ = Clock::now(), stage_start_ = start_, last_{};
};

// "PROVED" in green and the like, when stdout is a terminal and NO_COLOR is not set.
std::string verdict_word(Verdict verdict);
std::string bold(const std::string& text);

}  // namespace widecert::tool
