// Ray rules: full rank for every alpha >= alpha_0 along a rational family.
#include <algorithm>
#include <limits>

#include "evaluate/features.h"
#include "evidence/limits.h"
#include "evidence/projections.h"
#include "evidence/threshold.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

struct Family {
  Parameters constant, slope;
};

// What a ray rule needs of layer k after orientation: z_ij = <v^t, f> + c_j and beta.
class Ray {
 public:
  Ray(const Context& c, std::size_t target, const Value& family, const Value& proof, const mpq_class& alpha_0,
      const std::string& rule, bool affine)
      : c_(c) {
    const std::size_t n = c.data.size();
    const Node& output = c.network.node(target);
    require(output.op == Op::activation, "layer-kind",
            "layer " + output.name + " is not an activation after a linear layer");
    map_ = output.inputs[0];
    const Node& map = linear_node(c, map_);
    const Activation& f = output.activation;
    sign_ = f.function == Function::one_minus_sigmoid ? -1 : 1;

    bits_ = read_precision(proof);
    // The ray rests on the layers below, and on all values of L unless the proof goes along a direction.
    const bool along = proof.has("along");
    if (!along || map.inputs[0] != 0) const Features features(c, along ? map.inputs[0] : map_, bits_);
    const auto nodes = free_linear_nodes(c, target);
    require_nodes(c.network, nodes, family);
    for (std::size_t i : nodes) {
      const Value node = family.at(c.network.node(i).name);
      Family tensors{read_parameters(c, i, node.at("constant")), read_parameters(c, i, node.at("slope"))};
      if (i == map_) {
        require(tensors.constant.weights.zero(), "constant-weights",
                "the constant part of the weights of layer " + map.name + " must be 0");
        top_ = std::move(tensors);
      } else {
        require(tensors.slope.weights.zero() && tensors.slope.bias.zero(), "moving-layer",
                "layer " + c.network.node(i).name + " below the claimed one must not move with alpha");
        theta_[i] = std::move(tensors.constant);
      }
    }

    // Row-difference: the triangular part has N-1 neurons; one more, saturated, replaces the ones.
    const bool differences = rule == "row-difference-ray";
    require(differences || !affine, "wrong-rule", "rule " + rule + " does not prove rank [F, 1] = N");
    if (differences) saturated_ = proof.at("saturated").boolean();
    require(!differences || n >= 2, "one-sample", "row differences need two samples");
    require(!differences || affine != saturated_, "saturated",
            "rank F = N needs the saturated neuron, rank [F, 1] = N the column of ones");
    neurons_ = differences ? n - 1 : n;
    const std::size_t used = neurons_ + (saturated_ ? 1 : 0);
    read_patches(map, proof);
    require(used <= patches_.size() * map.filters, "width",
            "layer " + map.name + " has " + number(patches_.size() * map.filters) + " neurons" +
                (proof.has("skip") ? " in the patches that are not skipped, " : ", ") + number(used) + " are needed");
    read_order(proof.at("order"), n);
    gaps_.delta = proof.at("delta").rational();
    const auto diagonal = proof.at("diagonal").list();
    if (diagonal.size() != 2) proof.at("diagonal").bad("[low, high]");
    gaps_.diagonal_low = diagonal[0].rational();
    gaps_.diagonal_high = diagonal[1].rational();
    gaps_.upper = proof.at("upper").rational();
    require(gaps_.delta > 0, "gap", "delta must be positive");

    // beta: one constant for all neurons used.
    mpq_class beta = 0;
    if (map.bias != Bias::none) {
      for (std::size_t j = 0; j < used; ++j) {
        const mpz_class& b = top_.constant.bias.rows[0][c.network.bias_of(map_, neuron(j))];
        if (j == 0) beta = mpq_class(b * sign_, top_.constant.bias.divisor);
        require(b == top_.constant.bias.rows[0][c.network.bias_of(map_, neuron(0))], "beta",
                "the constant part of the biases differs between neurons");
      }
      beta.canonicalize();
    }
    require_threshold(rule, f, gaps_, beta, alpha_0, differences && !saturated_ ? n - 1 : n, saturated_);
    for (std::size_t j = 0; j < used; ++j) {
      mpz_class& centre = centres_.emplace_back(0);
      if (map.bias != Bias::none) centre = top_.slope.bias.rows[0][c.network.bias_of(map_, neuron(j))] * sign_;
    }
    if (sign_ < 0) {
      for (auto& row : top_.slope.weights.rows)
        for (mpz_class& w : row) w = -w;
    }
    for (const auto& row : top_.slope.weights.rows) {
      mpz_class sum = 0;
      for (const mpz_class& w : row) sum += abs(w);
      norm_ = std::max(norm_, sum);
      most_ = std::max(most_, largest(row));
      auto& narrow = narrow_.emplace_back();
      for (const mpz_class& w : row) narrow.push_back(w.fits_slong_p() ? w.get_si() : 0);
    }
    if (along) directions_ = read_directions(proof.at("along"), map, top_.slope.weights.rows, c.budget);
  }

  // Streams the samples and checks every z_ij against delta, the diagonal and Delta.
  void check_gaps() {
    if (!directions_.empty()) return check_along();
    const Node& map = c_.network.node(map_);
    const Forward forward = make_forward(c_, c_.network, map.inputs[0], theta_, bits_);
    const PatchProducts products(c_, map, map.filters, most_, forward, true);
    c_.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
      const Values f = forward(x);
      prepare(f.divisor, f.radius);
      mpz_class most = 0;
      for (const mpz_class& v : f.v) most = std::max(most, mpz_class(abs(v)));
      // |<v, f>| <= norm * most: below 2^62 every partial sum fits into 64 bits.
      if ((norm_ + 1) * (most + 1) < (mpz_class(1) << 62)) {
        std::vector<long> narrow;
        for (const mpz_class& v : f.v) narrow.push_back(v.get_si());
        row<long>(products, sample, narrow, narrow_, small_bounds_);
      } else {
        row<mpz_class>(products, sample, f.v, top_.slope.weights.rows, bounds_);
      }
    });
  }

 private:
  // "order" lists all samples, itself or in a file.
  void read_order(const Value& json, std::size_t samples) {
    require(!json.is_list() || json.list().size() == samples, "order", "the order must name all N samples");
    order_ = read_numbers_below(json, samples, c_.budget);
    position_.assign(samples, samples);
    for (std::size_t r = 0; r < samples; ++r) {
      require(position_[order_[r]] == samples, "order",
              "sample " + number(order_[r] + 1) + " occurs twice in the order");
      position_[order_[r]] = r;
    }
  }
  // The patches whose neurons are used, in order: all but those under "skip".
  void read_patches(const Node& map, const Value& proof) {
    std::vector<std::size_t> skipped;
    if (proof.has("skip")) skipped = read_indices(proof.at("skip"), map.patches.count());
    auto next = skipped.begin();
    for (std::size_t p = 0; p < map.patches.count(); ++p) {
      if (next != skipped.end() && *next == p)
        ++next;
      else
        patches_.push_back(p);
    }
  }
  std::size_t patch(std::size_t j) const { return patches_[j / c_.network.node(map_).filters]; }
  // The j-th neuron that is used.
  std::size_t neuron(std::size_t j) const {
    const std::size_t filters = c_.network.node(map_).filters;
    return patch(j) * filters + j % filters;
  }

  // Exact on the diagonal; elsewhere by the projections on a shared direction.
  void check_along() {
    const Node& map = c_.network.node(map_);
    Projections projections(c_, map, patches_, directions_, neurons_);
    const OnePatchEach products(c_, map, most_);
    const auto diagonal = [&](std::size_t r, const std::vector<std::int64_t>& f) {
      if (r >= neurons_) return;
      const mpz_class t = products(patch(r), top_.slope.weights.rows[c_.network.filter_of(map_, neuron(r))], f);
      require(t >= bounds_[r].low && t <= bounds_[r].high, "diagonal",
              "sample " + number(order_[r] + 1) + ", neuron " + number(neuron(r) + 1) +
                  ": z is outside the diagonal's bounds");
    };
    if (Projections::can_make(c_, map)) {
      prepare(c_.data.divisor(), 0);
      projections.add_all(order_, diagonal);
      return compare(projections, c_.data.divisor(), 0);
    }
    const Forward forward = make_forward(c_, c_.network, map.inputs[0], theta_, bits_, true);
    prepare(forward.divisor(), forward.radius());
    const auto take = [&](std::size_t sample, const std::vector<std::int64_t>& f) {
      diagonal(position_[sample], f);
      projections.add(position_[sample], f);
    };
    if (forward.small() && c_.data.small()) {
      c_.data.for_each_small([&](std::size_t sample, const std::vector<std::int64_t>& x) { take(sample, forward(x)); });
    } else {
      c_.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
        const Values f = forward(x);
        std::vector<std::int64_t> narrow;
        for (const mpz_class& v : f.v) {
          require(v.fits_slong_p(), "too-large", "a value does not fit into 64 bits");
          narrow.push_back(v.get_si());
        }
        take(sample, narrow);
      });
    }
    compare(projections, forward.divisor(), forward.radius());
  }

  // How far samples lie apart along the directions, and how far they reach; the values entering L are over this divisor
  // and known up to e.
  void compare(Projections& projections, const mpz_class& divisor, const mpz_class& e) const {
    const Node& map = c_.network.node(map_);
    const mpq_class units(divisor * top_.slope.weights.divisor);  // 1 / those of z
    const auto rest = [&](const SharedDirection& one) { return mpz_class(one.rest * (projections.most() + e)); };
    const auto bank_of = [&](std::size_t j) { return map.patches.bank(patch(j)); };
    for (std::size_t j = 0; j < neurons_; j += map.filters) {
      const SharedDirection& one = directions_[bank_of(j)];
      if (const auto gap = projections.gap(j / map.filters)) {
        // (Neighbours tell the smallest difference of all pairs only where all are positive.)
        const mpz_class apart = one.factor * (*gap - 2 * e * one.norm) - 2 * rest(one);
        require(*gap > 0 && apart >= (gaps_.delta + gaps_.diagonal_high) * units, "gap",
                "patch " + number(patch(j) + 1) + ": a later sample is too near to one of its own along the direction");
      }
    }
    // By bank: no centre may lie higher, so that z stays below Delta; nor lower, so that it stays above delta.
    std::vector<mpz_class> highest, lowest;
    for (const SharedDirection& one : directions_) {
      const mpz_class most = one.factor * (projections.reach(one) + e * one.norm) + rest(one);
      highest.push_back(floor_of((gaps_.upper - most / units) * top_.slope.bias.divisor));
      lowest.push_back(ceil_of((gaps_.delta + most / units) * top_.slope.bias.divisor));
    }
    for (std::size_t j = 0; j < centres_.size(); ++j) {
      if (j == neurons_)
        require(centres_[j] >= lowest[bank_of(j)], "saturation", "the saturated neuron may stay below delta");
      else
        require(centres_[j] <= highest[bank_of(j)], "reach",
                "neuron " + number(neuron(j) + 1) + ": z may exceed Delta above the diagonal");
    }
  }

  // t = <v^t, f> in units of 1/(divisor of f * divisor of v), error at most e. Then z <= b holds
  // iff t + e <= (b - c_j) units, iff t <= floor((b - c_j) units) - e; likewise z >= b with
  // ceilings.
  template <class T>
  struct Bounds {
    T below, above, low, high;
  };

  void prepare(const mpz_class& divisor, const mpz_class& radius) {
    const mpz_class units = divisor * top_.slope.weights.divisor, error = radius * norm_;
    if (units == units_ && error == error_) return;
    units_ = units;
    error_ = error;
    bounds_.clear();
    small_bounds_.clear();
    const auto from_centres = [&](const mpq_class& b, bool up) {
      return distances(b, centres_, top_.slope.bias.divisor, units, up, c_.budget);
    };
    const auto below = from_centres(-gaps_.delta, false), above = from_centres(gaps_.upper, false),
               low = from_centres(gaps_.diagonal_low, true), high = from_centres(gaps_.diagonal_high, false),
               saturation = from_centres(gaps_.delta, true);
    // A bound beyond 64 bits compares with |t| < 2^62 as its clamped value does.
    const auto clamp = [](const mpz_class& v) {
      if (v.fits_slong_p()) return v.get_si();
      return v > 0 ? std::numeric_limits<long>::max() : std::numeric_limits<long>::min();
    };
    for (std::size_t j = 0; j < centres_.size(); ++j) {
      Bounds<mpz_class> b;
      b.below = below[j] - error;
      b.above = above[j] - error;
      // The saturated neuron must reach delta everywhere.
      b.low = (j == neurons_ ? saturation : low)[j] + error;
      b.high = high[j] - error;
      small_bounds_.push_back({clamp(b.below), clamp(b.above), clamp(b.low), clamp(b.high)});
      bounds_.push_back(std::move(b));
    }
  }

  template <class T>
  void row(const PatchProducts& products, std::size_t sample, const std::vector<T>& f,
           const std::vector<std::vector<T>>& weights, const std::vector<Bounds<T>>& bounds) const {
    const std::size_t r = position_[sample];
    for (std::size_t j = 0; j < centres_.size(); ++j) {
      const T t = products(patch(j), weights[c_.network.filter_of(map_, neuron(j))], f);
      const Bounds<T>& b = bounds[j];
      const auto need = [&](bool holds, const char* reason, const char* what) {
        if (!holds)
          throw Rejected(reason, "sample " + number(sample + 1) + ", neuron " + number(neuron(j) + 1) + ": " + what);
      };
      if (j == neurons_)
        need(t >= b.low, "saturation", "the saturated neuron stays below delta");
      else if (j == r)
        need(t >= b.low && t <= b.high, "diagonal", "z is outside the diagonal's bounds");
      else if (j < r)
        need(t <= b.below, "gap", "z exceeds -delta below the diagonal");
      else
        need(t <= b.above, "reach", "z exceeds Delta above the diagonal");
    }
  }

  const Context& c_;
  std::size_t map_ = 0;
  bool saturated_ = false;
  int sign_ = 1;
  std::size_t neurons_ = 0;
  std::vector<std::size_t> patches_;  // whose neurons are used
  Family top_;
  std::map<std::size_t, Parameters> theta_;
  std::vector<std::size_t> order_, position_;  // the sample at each position, and where each sample stands
  Gaps gaps_;
  unsigned bits_ = 64;
  std::vector<mpz_class> centres_;           // over the divisor of the slope of the bias
  mpz_class norm_ = 0, most_ = 0;            // of the weights: of a row; the largest
  std::vector<SharedDirection> directions_;  // by bank, if the proof names them
  std::vector<std::vector<long>> narrow_;
  mpz_class units_ = 0, error_ = 0;
  std::vector<Bounds<mpz_class>> bounds_;
  std::vector<Bounds<long>> small_bounds_;
};

void check_ray(const Context& c, std::size_t target, const Value& family, const Value& proof, const mpq_class& alpha_0,
               bool affine) {
  const std::string rule = proof.at("rule").text();
  require(rule == "triangular-ray" || rule == "h-matrix-ray" || rule == "row-difference-ray", "wrong-rule",
          "rule " + rule + " is not a ray rule");
  Ray ray(c, target, family, proof, alpha_0, rule, affine);
  ray.check_gaps();
}

Verdict on_ray(const Question& q, bool affine) {
  const std::size_t node = q.node();
  const mpq_class alpha_0 = q.claim.at("alpha_0").rational();
  check_ray(q.c, node, q.claim.at("family"), q.proof, alpha_0, affine);
  const std::string f = "F(" + q.c.network.node(node).name + ")";
  return "rank " + (affine ? "[" + f + ", 1]" : f) + " = " + number(q.c.data.size()) +
         " for every alpha >= " + show_above(alpha_0) + " along the family";
}
Verdict independent(const Question& q) { return on_ray(q, false); }
Verdict affinely_independent(const Question& q) { return on_ray(q, true); }

// A ray that the proof has: rank F = N for some parameter.
void check_own_ray(const Question& q) {
  check_ray(q.c, q.node(), q.proof.at("family"), q.proof.at("ray"), q.proof.at("alpha_0").rational(), false);
}

Verdict from_ray(const Question& q) {
  const std::size_t node = q.node();
  check_own_ray(q);
  return "rank F(" + q.c.network.node(node).name + ") = " + number(q.c.data.size()) + " for some parameter";
}

// One parameter of full rank is enough where minors are analytic.
Verdict almost_everywhere(const Question& q) {
  const std::size_t node = q.node(), rank = q.claim.at("rank").number(std::uint64_t{1} << 40);
  require(rank == q.c.data.size(), "rank", "a ray shows rank N only");
  require_analytic(q.c.network, node);
  check_own_ray(q);
  return rank_in_words(q.c, node, rank) + " for almost every value of " + theta_in_words(q.c.network, node);
}

constexpr Rule kRules[] = {{"independent-on-ray", "triangular-ray", independent},
                           {"independent-on-ray", "h-matrix-ray", independent},
                           {"independent-on-ray", "row-difference-ray", independent},
                           {"affinely-independent-on-ray", "row-difference-ray", affinely_independent},
                           {"independent-somewhere", "from-ray", from_ray},
                           {"independent-almost-everywhere", "from-ray", almost_everywhere}};

}  // namespace

constinit const Topic topics::rays{"rays", kRules};

}  // namespace widecheck
