#include "console.h"

#include <fmt/format.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <widecert/certificate/json.h>
#include <widecert/number/stop.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

namespace widecert::tool {
namespace {

volatile std::sig_atomic_t stop_signal = 0;
std::atomic<pid_t> child = 0;
std::atomic<bool> ending = false;
sem_t stop_came;

void remember(int signal) {
  stop_signal = signal;
  if (const pid_t pid = child; pid > 0) kill(pid, SIGTERM);
  sem_post(&stop_came);
}

// Once a stop has come, work has this long to notice; then the process ends as it would have.
constexpr std::chrono::milliseconds kGrace{1000};

void write_all(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(file, text.data() + done, text.size() - done);
    if (wrote < 0 && errno != EINTR) return;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
}

// For steps inside of foreign libraries, which cannot be asked to stop. Touches no stream: another thread may hold it.
void watch(bool json) {
  while (sem_wait(&stop_came) != 0) {
  }
  std::this_thread::sleep_for(kGrace);
  if (ending.exchange(true)) return;
  if (const pid_t pid = child; pid > 0) kill(pid, SIGKILL);
  const bool late = stop_signal == SIGALRM;
  const std::string what = late ? TimedOut().what() : Interrupted().what();
  write_all(STDERR_FILENO, (isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "") + ("widecert: " + what) + "\n");
  if (json) write_all(STDOUT_FILENO, error_text(what, late ? 124 : 130));
  _exit(late ? 124 : 130);
}

bool colours() {
  static const bool yes = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  return yes;
}

std::string paint(const char* code, const std::string& text) {
  return colours() ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

}  // namespace

std::string error_text(const std::string& what, int exit) { return to_text(Json{{"error", what}, {"exit", exit}}); }

void begin_to_end() {
  while (ending.exchange(true)) pause();  // the watch has begun, and ends the process
}

void catch_stops(double timeout_seconds, bool json) {
  sem_init(&stop_came, 0, 0);
  set_stop_check(throw_if_stopped);
  sigset_t all, before;  // the watch handles no signal
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(watch, json).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  for (int signal : {SIGINT, SIGTERM, SIGALRM}) std::signal(signal, remember);
  if (timeout_seconds > 0) {
    itimerval timer{};
    timer.it_value.tv_sec = static_cast<time_t>(timeout_seconds);
    timer.it_value.tv_usec =
        static_cast<suseconds_t>((timeout_seconds - static_cast<double>(timer.it_value.tv_sec)) * 1e6);
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
}

void throw_if_stopped() {
  if (stop_signal == SIGALRM) throw TimedOut();
  if (stop_signal != 0) throw Interrupted();
}

int run_child(const std::vector<std::string>& arguments, std::string* output) {
  throw_if_stopped();
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe can be made");
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("no process can be started");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it never outlives us
    if (output != nullptr) dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  child = pid;
  if (stop_signal != 0) kill(pid, SIGTERM);  // it came in between
  close(ends[1]);
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (output != nullptr &&
         ((got = read(ends[0], buffer.data(), buffer.size())) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0) output->append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  throw_if_stopped();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

ProgressBar::ProgressBar(const ConsoleOptions& options)
    : draw_(!options.quiet && isatty(STDERR_FILENO) != 0), tell_(!options.quiet && !draw_), told_(Clock::now()) {}

void ProgressBar::update(const std::string& stage, std::size_t done, std::size_t total) {
  throw_if_stopped();
  show(stage, done, total);
}

void ProgressBar::show(const std::string& stage, std::size_t done, std::size_t total) {
  const auto now = Clock::now();
  const auto seconds = [&](Clock::time_point since) { return std::chrono::duration<double>(now - since).count(); };
  if (stage != stage_) {
    stage_ = stage;
    stage_start_ = now;
  } else if (seconds(last_) < 0.1) {
    return;
  }
  last_ = now;
  const double fraction = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  if (tell_ && seconds(told_) >= 10) {
    told_ = now;
    fmt::print(stderr, "widecert: {}, {:.0f}%\n", stage, 100 * fraction);
  }
  if (!draw_) return;
  std::string eta;
  if (fraction > 0.02 && seconds(stage_start_) > 2) {
    eta = fmt::format("  about {:.0f} s left", seconds(stage_start_) * (1 / fraction - 1));
  }
  const auto filled = static_cast<std::size_t>(fraction * 24);
  fmt::print(stderr, "\r\033[K{:<28} [{}{}] {:3.0f}%{}", stage, std::string(filled, '='), std::string(24 - filled, ' '),
             100 * fraction, eta);
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
    case Verdict::recomputed:
      return paint("1;33", "RECOMPUTED");
  }
  return "?";
}

std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) != 0 || std::string_view("_-./+,:@%=").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string bold(const std::string& text) { return paint("1", text); }

}  // namespace widecert::tool
