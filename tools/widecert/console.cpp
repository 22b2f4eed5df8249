#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace widecert::tool {
namespace {

std::atomic<bool> interrupted = false;

bool colours() {
  static const bool yes = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return yes;
}

std::string paint(const char* code, const std::string& text) {
  return colours() ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

}  // namespace

void catch_interruptions() {
  const auto handler = [](int) { interrupted = true; };
  std::signal(SIGINT, handler);
  std::signal(SIGTERM, handler);
}

ProgressBar::ProgressBar(const ConsoleOptions& options)
    : draw_(!options.quiet && isatty(STDERR_FILENO) != 0), timeout_(options.timeout_seconds) {}

void ProgressBar::update(const std::string& stage, std::size_t done, std::size_t total) {
  const auto now = Clock::now();
  if (interrupted) throw Interrupted();
  const auto seconds = [&](Clock::time_point since) {
    return std::chrono::duration<double>(now - since).count();
  };
  if (timeout_ > 0 && seconds(start_) > timeout_) throw TimedOut();
  if (stage != stage_) {
    stage_ = stage;
    stage_start_ = now;
  } else if (seconds(last_) < 0.1) {
    return;
  }
  last_ = now;
  if (!draw_) return;
  const double fraction = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  std::string eta;
  if (fraction > 0.02 && seconds(stage_start_) > 2) {
    eta = fmt::format("  about {:.0f} s left", seconds(stage_start_) * (1 / fraction - 1));
  }
  const auto filled = static_cast<std::size_t>(fraction * 24);
  fmt::print(stderr, "\r\033[K{:<28} [{}{}] {:3.0f}%{}", stage, std::string(filled, '='),
             std::string(24 - filled, ' '), 100 * fraction, eta);
  std::fflush(stderr);
  dirty_ = true;
}

void ProgressBar::finish() {
  if (dirty_) fmt::print(stderr, "\r\033[K");
  dirty_ = false;
}

std::string verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::proved:
      return paint("1;32", "PROVED");
    case Verdict::refuted:
      return paint("1;31", "REFUTED");
    case Verdict::undecided:
      return paint("1;33", "UNDECIDED");
    case Verdict::not_applicable:
      return paint("1;33", "NOT APPLICABLE");
  }
  return "?";
}

std::string bold(const std::string& text) { return paint("1", text); }

}  // namespace widecert::tool
