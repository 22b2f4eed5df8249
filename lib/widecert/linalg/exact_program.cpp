#include <fcntl.h>
#include <gmp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <widecert/linalg/exact_program.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <cerrno>
#include <cfloat>
#include <climits>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
// Its headers are C, which only some of them say; what they include is included before.
extern "C" {
#include <qsopt_ex/QSopt_ex.h>
}

namespace widecert {
namespace {

// QSopt_ex replaces the memory functions of GMP for the whole process and cannot be ended from outside: each program is
// solved in a child, which writes the answer as text and never returns.
class MpqArray {
 public:
  explicit MpqArray(std::size_t size) : v_(new mpq_t[size == 0 ? 1 : size]) {
    for (std::size_t k = 0; k < std::max<std::size_t>(size, 1); ++k) mpq_init(v_[k]);
  }
  mpq_t* data() { return v_; }
  void set(std::size_t k, const Rational& value) { mpq_set(v_[k], value.backend().data()); }

 private:
  mpq_t* v_;  // the child's memory is never given back
};

void write_all(int out, const char* text, std::size_t size) {
  while (size > 0) {
    const ssize_t done = write(out, text, size);
    if (done <= 0) _exit(1);
    text += done;
    size -= static_cast<std::size_t>(done);
  }
}

[[noreturn]] void solve_and_exit(const std::vector<ProgramColumn>& columns, const std::vector<Rational>& b, int out) {
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  QSexactStart();
  mpq_QSdata* problem = mpq_QScreate_prob("system", QS_MIN);
  if (problem == nullptr) _exit(1);
  MpqArray zero(1), x(columns.size() + b.size()), y(b.size());  // x with the logical variables
  for (const Rational& v : b) {
    MpqArray right(1);
    right.set(0, v);
    if (mpq_QSnew_row(problem, right.data()[0], 'E', nullptr) != 0) _exit(1);
  }
  for (const ProgramColumn& column : columns) {
    std::vector<int> rows;
    MpqArray entries(column.size());
    for (std::size_t k = 0; k < column.size(); ++k) {
      rows.push_back(static_cast<int>(column[k].first));
      entries.set(k, column[k].second);
    }
    if (mpq_QSadd_col(problem, static_cast<int>(column.size()), rows.data(), entries.data(), zero.data()[0],
                      zero.data()[0], mpq_ILL_MAXDOUBLE, nullptr) != 0)
      _exit(1);
  }
  int status = 0;
  if (QSexact_solver(problem, x.data(), y.data(), nullptr, DUAL_SIMPLEX, &status) != 0 || status != QS_LP_OPTIMAL)
    _exit(1);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (mpq_sgn(x.data()[j]) == 0) continue;
    const std::string index = std::to_string(j) + " ";
    const char* value = mpq_get_str(nullptr, 10, x.data()[j]);
    write_all(out, index.data(), index.size());
    write_all(out, value, std::strlen(value));
    write_all(out, "\n", 1);
  }
  _exit(0);
}

bool solves(const std::vector<ProgramColumn>& columns, const std::vector<Rational>& b, const std::vector<Rational>& x) {
  std::vector<Rational> sum(b.size());
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (x[j] < 0) return false;
    if (x[j] == 0) continue;
    for (const auto& [row, entry] : columns[j]) sum[row] += entry * x[j];
  }
  return sum == b;
}

// A child that is ended and waited for, whatever happens.
struct Child {
  pid_t pid;
  int in;
  ~Child() {
    close(in);
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  // Whether it ended well.
  bool join() {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

}  // namespace

std::optional<std::vector<Rational>> nonnegative_solution(const std::vector<ProgramColumn>& columns,
                                                          const std::vector<Rational>& b) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw InternalError("no pipe to a linear program");
  Child child{fork(), ends[0]};
  if (child.pid < 0) {
    close(ends[1]);
    throw InternalError("no process for a linear program");
  }
  if (child.pid == 0) solve_and_exit(columns, b, ends[1]);
  close(ends[1]);
  std::string text;
  for (char buffer[4096];;) {
    widecert::poll();
    pollfd ready{child.in, POLLIN, 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    const ssize_t got = read(child.in, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  if (!child.join()) return std::nullopt;
  std::vector<Rational> x(columns.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t blank = text.find(' ', at), end = text.find('\n', at);
    if (blank == std::string::npos || end == std::string::npos) return std::nullopt;
    const std::size_t j = std::stoul(text.substr(at, blank - at));
    if (j >= x.size()) return std::nullopt;
    x[j] = Rational(text.substr(blank + 1, end - blank - 1));
    at = end + 1;
  }
  if (!solves(columns, b, x)) return std::nullopt;
  return x;
}

}  // namespace widecert
