#include <widecert/linalg/accurate_product.h>
#include <widecert/linalg/ball_singular_bounds.h>
#include <widecert/linalg/double_rank.h>
#include <widecert/linalg/rank_ladder.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

namespace widecert {

namespace {

constexpr long kMostBitsForWidth = 1024;  // digits of a bound are digits of doubles: more bits bring none

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// At least the Frobenius norm of every matrix of the enclosure.
double norm_up(const MatrixEnclosure& a) {
  double norm = frobenius_up(a.middle.high), squares = 0;
  if (a.middle.low.size() != 0) norm = add_up(norm, frobenius_up(a.middle.low));
  for (double r : a.row_radius) squares = add_up(squares, mul_up(r, r));
  norm = add_up(norm, sqrt_up(squares));
  return norm < kInfinity ? norm : kInfinity;  // of NaN too
}

}  // namespace

std::string to_string(Rung rung) {
  switch (rung) {
    case Rung::none:
      return "none";
    case Rung::doubles:
      return "doubles";
    case Rung::split:
      return "split doubles";
    case Rung::residues:
      return "residues";
    case Rung::balls:
      return "balls";
  }
  throw InternalError("a rung");
}

MatrixSource exactly(Matrix<double> a) {
  MatrixSource source;
  source.rows = static_cast<std::size_t>(a.rows());
  source.cols = static_cast<std::size_t>(a.cols());
  source.exact = true;
  const auto shared = std::make_shared<const Matrix<double>>(std::move(a));
  source.enclosure = [shared](bool) { return MatrixEnclosure{{*shared, {}}, {}}; };
  source.balls = [shared] {
    Matrix<Ball> balls(shared->rows(), shared->cols());
    for (Eigen::Index i = 0; i < balls.rows(); ++i)
      for (Eigen::Index j = 0; j < balls.cols(); ++j) balls(i, j) = Ball::exactly((*shared)(i, j));
    return balls;
  };
  return source;
}

LadderResult climb(const MatrixSource& source, const LadderOptions& options) {
  LadderResult result;
  const auto wanted = [&](Rung rung) { return options.first <= rung && rung <= options.last; };
  const auto entries = static_cast<double>(source.rows) * static_cast<double>(source.cols);
  // Keeps what an earlier rung knew.
  const auto merge = [&](const SingularBounds& found, Rung rung) {
    SingularBounds& b = result.bounds;
    if (found.full_rank && !b.full_rank) {
      b.full_rank = true;
      b.level = found.level;
      b.slices = found.slices;
      result.rung = rung;
    }
    b.smallest_low = std::max(b.smallest_low, found.smallest_low);
    if (found.smallest_high < b.smallest_high) {
      b.smallest_high = found.smallest_high;
      b.smallest_vector = found.smallest_vector;
      b.smallest_integers = found.smallest_integers;
    }
    if (found.largest_low > b.largest_low) {
      b.largest_low = found.largest_low;
      b.largest_vector = found.largest_vector;
    }
    b.largest_high = std::min(b.largest_high, found.largest_high);
    if (!found.undecided.empty()) result.undecided = found.undecided;
    if (b.full_rank) result.undecided.clear();
    if (!b.full_rank) return false;
    if (options.insist && b.smallest_high - b.smallest_low > options.width * b.smallest_high) return false;
    return b.smallest_low > 0 || options.effort == Effort::rank;
  };
  // Whether the work came to its end by then.
  const auto ends_by = [&](TimeLimit::Clock::time_point end, const auto& work) {
    const TimeLimit limit(end);
    try {
      work();
      return true;
    } catch (const TimeLimit::Passed&) {
      result.undecided = "more time than allowed";
      return false;
    }
  };
  const auto end_of_rung = [&] { return std::min(options.answer_by, TimeLimit::after(options.most_seconds)); };
  // The same in the time of a rung, once something is known.
  const auto in_time = [&](const auto& work) {
    return ends_by(result.bounds.is_bounded() ? end_of_rung() : TimeLimit::Clock::time_point::max(), work);
  };
  for (const Rung rung : {Rung::doubles, Rung::split}) {
    const bool split = rung == Rung::split;
    if (!wanted(rung)) continue;
    if (entries * (split ? 200 : 100) > options.most_bytes) {
      result.undecided = "more memory than allowed";
      return result;
    }
    options.tick(to_string(rung));
    SingularOptions singular;
    singular.effort = options.effort;
    singular.width = options.width;
    singular.stop = [&options, watch = Stopwatch()] { return watch.seconds() > options.most_seconds; };
    if (split) singular.most_levels = 6, singular.most_slices = kMostSlices;
    bool decided = false;
    const bool came = in_time([&] {
      const MatrixEnclosure a = source.enclosure(split);
      // Where rows have sizes that doubles do not span, nothing else may bound sigma_max.
      result.bounds.largest_high = std::min(result.bounds.largest_high, norm_up(a));
      decided = merge(singular_bounds(a, singular), rung);
    });
    if (!came) continue;
    if (decided) return result;
    bool deficient = false;
    if (!split && options.deficient) in_time([&] { deficient = options.deficient(); });
    if (deficient) {
      result.undecided = "the rank is deficient";
      return result;
    }
    if (source.exact && options.effort == Effort::rank && wanted(Rung::residues)) break;
  }
  if (source.exact && wanted(Rung::residues) && !result.bounds.full_rank) {
    options.tick(to_string(Rung::residues));
    const Matrix<double> a = source.enclosure(false).middle.high;
    std::optional<DoubleRank> rank;
    if (a.allFinite()) {
      ends_by(end_of_rung(), [&] {
        rank = rank_of_doubles({a.data(), static_cast<std::size_t>(a.size())}, source.rows, source.cols,
                               [](std::size_t, std::size_t) { poll(); });
      });
    }
    if (rank) {
      SingularBounds found;
      found.full_rank = rank->exact;
      if (!rank->exact) {
        found.undecided = "the rank seems to be " + std::to_string(rank->rank) + " (modulo a prime)";
      }
      if (merge(found, Rung::residues)) return result;
      if (!rank->exact) return result;  // balls could never decide
    }
  }
  if (!wanted(Rung::balls)) {
    if (!result.bounds.full_rank && result.undecided.empty())
      result.undecided = "no rung that could decide was allowed";
    return result;
  }
  if (source.exact && !source.enclosure(false).middle.high.allFinite()) {
    result.undecided = "an entry is not finite";
    return result;
  }
  const std::size_t shorter = std::min(source.rows, source.cols);
  double last = 0;  // seconds of the step before
  for (long bits = 128; bits <= options.most_bits; bits *= 2) {
    const double words = static_cast<double>(bits) / 64;
    if (entries * static_cast<double>(shorter) * words * words > options.most_ball_products ||
        entries * 4 * (48 + 8 * words) > options.most_bytes || 2 * last > options.most_seconds) {
      result.undecided = "undecided at " + std::to_string(result.bits) + " bits; more would take longer than allowed";
      return result;
    }
    const Stopwatch watch;
    options.tick(std::to_string(bits) + "-bit balls");
    result.bits = bits;
    const PrecisionScope precision(bits);
    BallBound bound;
    const bool came = in_time([&] {
      Matrix<Ball> balls = source.balls();
      if (balls.rows() > balls.cols()) balls = Matrix<Ball>(balls.transpose());
      bound = ball_singular_bound(balls, options.width, options.insist);
    });
    if (!came) return result;
    last = watch.seconds();
    SingularBounds found;
    if (bound.largest_high.finite()) found.largest_high = magnitude_up(bound.largest_high);
    if (bound.largest_low.finite()) {
      found.largest_low = lower_double(bound.largest_low);
      found.largest_vector = bound.largest_vector;
    }
    if (bound.full_rank) {
      found.full_rank = true;
      const double value = lower_double(bound.smallest_low);
      found.smallest_low = value > 0x1p-1000 ? value : 0;
      if (bound.smallest_high.finite()) {
        found.smallest_high = magnitude_up(bound.smallest_high);
        found.smallest_integers = bound.vector;
      }
    }
    const bool enough = merge(found, Rung::balls);
    if (!bound.full_rank) continue;
    if (!(result.bounds.smallest_low > 0))
      result.undecided = "the smallest singular value is positive, but below 10^-300, where bounds end";
    if (enough || !options.insist) return result;
    if (bits >= kMostBitsForWidth) return result;
  }
  if (!result.bounds.full_rank) result.undecided = "undecided at " + std::to_string(result.bits) + " bits";
  return result;
}

}  // namespace widecert
