// Full rank and bounds of singular values of a matrix that can be computed to any precision: the
// cheapest rung that decides.
//
//   doubles   midpoints in double with radii (singular_bounds.h, products without slices as long as possible)
//   split     midpoints as sums of two doubles, about 106 bits (the same algorithm, more slices)
//   residues  the rank modulo a prime (double_rank.h), where the entries are exactly the doubles
//   balls     Arb, the precision doubled until it decides (ball_singular_bounds.h)
//
// Residues decide the rank but bound no singular value; they come before the balls if only the rank is
// asked for. Every answer is rigorous; where no rung decides, "undecided" says how far it went.
#pragma once

#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/ball.h>
#include <widecert/number/stop.h>

#include <functional>
#include <string>

namespace widecert {

enum class Rung { none, doubles, split, residues, balls };
std::string to_string(Rung rung);

// The matrix. `enclosure(false)` in double, `enclosure(true)` with high and low parts; both contain the
// matrix. `balls()` encloses it at the working precision.
struct MatrixSource {
  std::size_t rows = 0, cols = 0;
  bool exact = false;  // the entries are the doubles of enclosure(false).middle.high
  std::function<MatrixEnclosure(bool split)> enclosure;
  std::function<Matrix<Ball>()> balls;
};
// Of a matrix of doubles, exactly.
MatrixSource exactly(Matrix<double> a);

struct LadderOptions {
  Effort effort = Effort::sharp;
  Rung first = Rung::doubles;
  Rung last = Rung::balls;
  long most_bits = 4096;  // of the balls
  // How far apart the bounds of sigma_min may be, as a part of it; 0: a few per cent will do in doubles, more in balls.
  // `insist`: rungs that are not needed for the rank are climbed for it.
  double width = 0;
  bool insist = false;
  double most_ball_products = 1e10;  // m^2 n (bits / 64)^2 of a step with balls
  // Limits of each rung: of its matrices; of its time, with which answers depend on the machine. Once something is
  // known, a rung ends within its time, and all of them at `answer_by`; until then steps that were begun run to their
  // end.
  double most_bytes = 8e9;
  double most_seconds = std::numeric_limits<double>::infinity();
  TimeLimit::Clock::time_point answer_by = TimeLimit::Clock::time_point::max();
  // Asked once where doubles have not decided: whether full rank is known not to hold, so that higher rungs are in
  // vain.
  std::function<bool()> deficient = {};
  std::function<void(const std::string& rung)> tick = [](const std::string&) {};
};

struct LadderResult {
  SingularBounds bounds;   // of the shorter side; the best that any rung found
  Rung rung = Rung::none;  // the one that certified full rank
  long bits = 0;           // of the balls tried last

  std::string undecided;
};

LadderResult climb(const MatrixSource& source, const LadderOptions& options = {});

}  // namespace widecert
