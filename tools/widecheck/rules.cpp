#include "rules.h"

#include <openssl/sha.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "verdict.h"

namespace widecheck {
namespace {

constexpr unsigned kBits = 128;  // of the enclosures in threshold conditions

std::string number(std::size_t n) { return std::to_string(n); }

std::string show(const mpq_class& q) {
  const std::string text = q.get_str();
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

// ---- small shared pieces ----

const Node& linear_node(const Context& c, std::size_t i) {
  require(c.network.node(i).op == Op::linear, "layer-kind",
          "layer " + c.network.node(i).name + " is not linear");
  return c.network.node(i);
}

// The layer that reads the data itself and has patches.
const Node& first_patches(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  require(!node.patches.entries.empty() && node.inputs == std::vector<std::size_t>{0}, "layer-kind",
          "layer " + node.name + " does not read the data by patches");
  return node;
}

mpz_class entry(const Values& x, long e) {
  return e == kPad ? mpz_class(0) : x.v[static_cast<std::size_t>(e)];
}

// Reads one tensor pair of a node; a bias is present exactly if the architecture has one.
Parameters read_parameters(const Context& c, std::size_t node, Value json) {
  Parameters p;
  p.weights = read_tensor(json.at("weights"), c.network.weights_shape(node));
  if (c.network.node(node).bias != Bias::none) {
    p.bias = read_tensor(json.at("bias"), c.network.bias_shape(node));
  }
  json.only();
  return p;
}

// The linear nodes among `below`, each free of frozen tensors.
std::vector<std::size_t> linear_nodes(const Context& c, const std::vector<std::size_t>& below) {
  std::vector<std::size_t> nodes;
  for (std::size_t i : below) {
    if (c.network.node(i).op != Op::linear) continue;
    require(!c.network.node(i).frozen, "frozen",
            "layer " + c.network.node(i).name + " has frozen tensors: outside the claim's Theta");
    nodes.push_back(i);
  }
  return nodes;
}

// Each of exactly these nodes has an entry in the object.
void require_nodes(const Context& c, const std::vector<std::size_t>& nodes, const Value& json) {
  std::vector<std::string> expected, found = json.keys();
  for (std::size_t i : nodes) expected.push_back(c.network.node(i).name);
  std::sort(expected.begin(), expected.end());
  require(found == expected, "other-layers",
          json.place() + " must name exactly the linear layers up to the claimed one");
}

unsigned read_precision(Value& proof) {
  if (!proof.has("precision")) return 64;
  const std::uint64_t bits = proof.at("precision").number(4096);
  if (bits == 0) proof.at("precision").bad("1 to 4096 bits");
  return static_cast<unsigned>(bits);
}

// A claim from a stranger may be small and ask for years of work: that is refused at once.
// `cost` is what one entry takes compared with a product.
void require_feasible(const Context& c, std::size_t target, unsigned bits, double cost = 1) {
  constexpr double kMostProducts = 1e12;
  const double words = static_cast<double>(c.data.words()) + bits / 64.0;
  double products = 0;
  for (std::size_t i : c.network.below(target)) {
    const Node& node = c.network.node(i);
    double longest = 1;
    for (const auto& entries : node.patches.entries) {
      longest = std::max(longest, static_cast<double>(entries.size()));
    }
    // A transcendental value costs about as much as some hundred products of its precision.
    const bool series = node.op == Op::activation && !piecewise_linear(node.activation.function);
    const double each = series ? 200 * (1 + bits / 64.0) : cost * longest;
    products += each * words * static_cast<double>(node.width) * static_cast<double>(c.data.size());
  }
  if (products > kMostProducts) {
    throw Malformed("too-large", "checking this claim takes more than 10^12 products; refused");
  }
}

// ---- patches ----

std::string patches_distinct(const Context& c, std::size_t i, const std::string& name) {
  const Node& node = first_patches(c, i);
  require_feasible(c, i, 0, 100);  // a digest per patch
  if (c.data.size() > (std::size_t{1} << 27) / node.patches.entries.size()) {
    throw Malformed("too-large", "more than 2^27 patches to compare; refused");
  }
  // Different digests mean different patches, whatever one believes of SHA-256; equal digests of
  // different samples are not accepted.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> digests;
  c.data.for_each([&](std::size_t sample, const Values& x) {
    for (const auto& entries : node.patches.entries) {
      std::string text;
      for (long e : entries) {
        mpq_class v(entry(x, e), x.divisor);
        v.canonicalize();
        text += v.get_str() + ",";
      }
      unsigned char digest[SHA256_DIGEST_LENGTH];
      SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
      std::uint64_t word = 0;
      for (int b = 0; b < 8; ++b) word = word << 8 | digest[b];
      digests.emplace_back(word, static_cast<std::uint32_t>(sample));
    }
  });
  std::sort(digests.begin(), digests.end());
  for (std::size_t k = 1; k < digests.size(); ++k) {
    require(digests[k].first != digests[k - 1].first || digests[k].second == digests[k - 1].second,
            "patches-collide",
            "samples " + number(digests[k - 1].second + 1) + " and " +
                number(digests[k].second + 1) + " share a patch of layer " + name);
  }
  return "no patch of layer " + name + " is shared by two of the " + number(c.data.size()) +
         " samples";
}

std::string patches_collide(const Context& c, std::size_t i, Value& claim,
                            const std::string& name) {
  const Node& node = first_patches(c, i);
  std::size_t sample[2], patch[2];
  const char* keys[2] = {"first", "second"};
  for (int k = 0; k < 2; ++k) {
    const auto pair = claim.at(keys[k]).list();
    if (pair.size() != 2) claim.at(keys[k]).bad("[sample, patch]");
    sample[k] = pair[0].number(c.data.size() - 1);
    patch[k] = pair[1].number(node.patches.entries.size() - 1);
  }
  require(sample[0] != sample[1], "same-sample", "the two patches are of one sample");
  std::vector<mpq_class> content[2];
  c.data.for_each([&](std::size_t s, const Values& x) {
    for (int k = 0; k < 2; ++k) {
      if (s != sample[k]) continue;
      for (long e : node.patches.entries[patch[k]]) {
        content[k].emplace_back(entry(x, e), x.divisor);
        content[k].back().canonicalize();
      }
    }
  });
  require(content[0] == content[1], "patches-differ", "the two patches differ");
  return "Assumption 3.1 fails: patch " + number(patch[0] + 1) + " of sample " +
         number(sample[0] + 1) + " equals patch " + number(patch[1] + 1) + " of sample " +
         number(sample[1] + 1) + " under layer " + name;
}

std::string features_distinct(const Context& c, std::size_t i, Value& claim, Value& proof,
                              const std::string& name) {
  const Node& node = linear_node(c, i);
  const std::size_t source = node.inputs[0];
  const auto nodes = linear_nodes(c, c.network.below(source));
  const unsigned bits = read_precision(proof);
  require_feasible(c, source, bits);
  Value point = claim.at("parameters");
  require_nodes(c, nodes, point);
  std::map<std::size_t, Parameters> theta;
  for (std::size_t l : nodes) theta[l] = read_parameters(c, l, point.at(c.network.node(l).name));
  std::vector<mpz_class> direction;
  mpz_class norm = 0;
  for (const Value& a : proof.at("direction").list()) {
    direction.push_back(a.integer());
    norm += abs(direction.back());
  }
  for (const auto& entries : node.patches.entries) {
    require(entries.size() == direction.size(), "direction", "the projection has the wrong length");
  }
  // Projections of all patches as enclosures; sorted, neighbours of different samples must be
  // apart.
  struct Projection {
    mpq_class low, high;
    std::size_t sample;
  };
  std::vector<Projection> projections;
  c.data.for_each([&](std::size_t sample, const Values& x) {
    const Values f = c.network.evaluate(source, theta, x, bits);
    for (const auto& entries : node.patches.entries) {
      mpz_class sum = 0;
      for (std::size_t r = 0; r < entries.size(); ++r) sum += direction[r] * entry(f, entries[r]);
      Projection p{mpq_class(sum - norm * f.radius, f.divisor),
                   mpq_class(sum + norm * f.radius, f.divisor), sample};
      p.low.canonicalize();
      p.high.canonicalize();
      projections.push_back(std::move(p));
    }
  });
  std::sort(projections.begin(), projections.end(),
            [](const Projection& a, const Projection& b) { return a.low < b.low; });
  // The projection with the largest upper end so far. If enclosures of different samples overlap at
  // all, then one of them overlaps this projection of another sample when its turn comes: comparing
  // with it alone suffices.
  std::optional<std::size_t> reach;
  for (std::size_t k = 0; k < projections.size(); ++k) {
    const Projection& p = projections[k];
    if (reach && projections[*reach].high >= p.low) {
      require(projections[*reach].sample == p.sample, "not-separated",
              "samples " + number(projections[*reach].sample + 1) + " and " + number(p.sample + 1) +
                  " are not separated by the projection");
    }
    if (!reach || p.high > projections[*reach].high) reach = k;
  }
  return "at the given parameters no two of the " + number(c.data.size()) +
         " samples share a patch of features under layer " + name;
}

// ---- weights ----

std::string weights_full_rank(const Context& c, std::size_t i, Value& claim, Value& proof,
                              const std::string& name) {
  const Node& node = linear_node(c, i);
  require(!node.frozen, "frozen", "layer " + name + " has frozen tensors");
  const Tensor weights = read_tensor(claim.at("weights"), c.network.weights_shape(i));
  const std::uint64_t prime = proof.at("prime").number((std::uint64_t{1} << 31) - 1);
  bool is_prime = prime >= 2;
  for (std::uint64_t d = 2; d * d <= prime; ++d) is_prime = is_prime && prime % d != 0;
  require(is_prime, "not-a-prime", number(prime) + " is not a prime below 2^31");
  require(weights.divisor % prime != 0, "denominator", "a denominator is divisible by the prime");
  // A common divisor that is a unit modulo p does not change the rank.
  const std::size_t inputs = c.network.node(node.inputs[0]).width, outputs = node.width;
  const std::size_t full = std::min(inputs, outputs);
  require(full <= 4000, "too-large", "elimination is offered up to 4,000 on the smaller side");
  const auto residue = [&](const mpz_class& v) { return mpz_fdiv_ui(v.get_mpz_t(), prime); };
  Echelon echelon(full, prime);
  if (outputs >= inputs) {  // rows of U^T: one per output neuron
    for (std::size_t h = 0; h < outputs && echelon.rank() < full; ++h) {
      std::vector<std::uint64_t> row(inputs, 0);
      const auto& entries = node.patches.entries[h / node.filters];
      const auto& w = weights.rows[c.network.filter_of(i, h)];
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPad) row[static_cast<std::size_t>(entries[r])] = residue(w[r]);
      echelon.insert(std::move(row));
    }
  } else {  // rows of U: one per input neuron, listed by the patches that see it
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> seen(inputs);  // patch, position
    for (std::size_t p = 0; p < node.patches.entries.size(); ++p) {
      const auto& entries = node.patches.entries[p];
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPad) seen[static_cast<std::size_t>(entries[r])].emplace_back(p, r);
    }
    for (std::size_t input = 0; input < inputs && echelon.rank() < full; ++input) {
      std::vector<std::uint64_t> row(outputs, 0);
      for (const auto& [p, r] : seen[input]) {
        for (std::size_t t = 0; t < node.filters; ++t) {
          const std::size_t h = p * node.filters + t;
          row[h] = residue(weights.rows[c.network.filter_of(i, h)][r]);
        }
      }
      echelon.insert(std::move(row));
    }
  }
  require(echelon.rank() == full, "rank",
          "the rank modulo " + number(prime) + " is " + number(echelon.rank()) + ", not " +
              number(full));
  return "the weight matrix U (" + number(inputs) + " x " + number(outputs) + ") of layer " + name +
         " has full rank " + number(full) + " at the given filters";
}

// An illustration of the violation: rho = (1, 1, 1, 1) fails at t.
void violating_point(const Activation& f, const mpq_class& t) {
  require(t < 0, "violating-point", "t must be negative");
  mpq_class size;  // a lower bound of |s(t)|
  if (f.function == Function::identity) {
    size = -t;
  } else if (f.function == Function::leaky_relu) {
    size = abs(f.parameter) * -t;
  } else if (is_step(f.function)) {
    size = 0;
  } else {
    const Interval s = value(f, t, kBits);
    size = s.high < 0 ? mpq_class(-s.high) : s.low;
  }
  require(size > exp_minus(-t, kBits).high, "violating-point", "|s(t)| <= e^t at t = " + show(t));
}

// ---- never independent ----

std::string never_independent(const Context& c, std::size_t i, Value& proof,
                              const std::string& rule, const std::string& name) {
  const std::size_t n = c.data.size();
  const Node& node = c.network.node(i);
  std::string why;
  if (rule == "width") {
    require(node.width < n, "width", "the layer has " + number(node.width) + " >= N neurons");
    why = "it has only " + number(node.width) + " neurons";
  } else if (rule == "equal-samples") {
    const auto pair = proof.at("samples").list();
    if (pair.size() != 2) proof.at("samples").bad("two samples");
    const std::size_t a = pair[0].number(n - 1), b = pair[1].number(n - 1);
    require(a != b, "same-sample", "the two samples are one");
    std::vector<mpq_class> content[2];
    c.data.for_each([&](std::size_t s, const Values& x) {
      if (s != a && s != b) return;
      for (const mpz_class& v : x.v) {
        auto& out = content[s == a ? 0 : 1];
        out.emplace_back(v, x.divisor);
        out.back().canonicalize();
      }
    });
    require(content[0] == content[1], "samples-differ", "the two samples differ");
    why = "samples " + number(a + 1) + " and " + number(b + 1) + " are equal";
  } else if (rule == "equal-columns") {
    // The claimed node is an activation on a linear node on the data, with biases tied or absent:
    // neurons (p, t), (q, t) of a bank are equal columns if patches p, q agree on every sample.
    require(node.op == Op::activation, "layer-kind", "the claimed layer is not an activation");
    const Node& map = linear_node(c, node.inputs[0]);
    require(map.inputs == std::vector<std::size_t>{0}, "layer-kind",
            "the layer does not read the data");
    require_feasible(c, node.inputs[0], 0, 100);  // a comparison of patches each
    require(map.bias != Bias::neuron, "free-biases", "each neuron has a bias of its own");
    std::vector<std::size_t> cls = map.patches.bank;
    std::size_t classes = 0;
    c.data.for_each([&](std::size_t, const Values& x) {
      std::map<std::pair<std::size_t, std::vector<mpz_class>>, std::size_t> refined;
      for (std::size_t p = 0; p < cls.size(); ++p) {
        std::vector<mpz_class> content;
        for (long e : map.patches.entries[p]) content.push_back(entry(x, e));
        cls[p] =
            refined.emplace(std::pair(cls[p], std::move(content)), refined.size()).first->second;
      }
      classes = refined.size();
    });
    require(classes * map.filters < n, "columns",
            "there may be " + number(classes * map.filters) + " >= N distinct columns");
    why = "tied biases leave at most " + number(classes * map.filters) + " distinct columns";
  } else {
    throw Rejected("wrong-rule", "rule " + rule + " does not prove never-independent");
  }
  return "rank F(" + name + ") < " + number(n) + " for every parameter: " + why;
}

// ---- rays ----

struct Family {
  Parameters constant, slope;
};

// What a ray rule needs of layer k after orientation: z_ij = <v^t, f> + c_j and beta.
class Ray {
 public:
  Ray(const Context& c, std::size_t target, Value family, Value proof, const mpq_class& alpha_0,
      const std::string& rule, bool affine)
      : c_(c), proof_(std::move(proof)) {
    const std::size_t n = c.data.size();
    const Node& output = c.network.node(target);
    require(output.op == Op::activation, "layer-kind",
            "layer " + output.name + " is not an activation after a linear layer");
    map_ = output.inputs[0];
    const Node& map = linear_node(c, map_);
    const Activation& f = output.activation;
    sign_ = f.function == Function::one_minus_sigmoid ? -1 : 1;

    bits_ = read_precision(proof_);
    require_feasible(c, map_, bits_);
    const auto nodes = linear_nodes(c, c.network.below(target));
    require_nodes(c, nodes, family);
    for (std::size_t i : nodes) {
      Value node = family.at(c.network.node(i).name);
      Family tensors{read_parameters(c, i, node.at("constant")),
                     read_parameters(c, i, node.at("slope"))};
      node.only();
      if (i == map_) {
        require(tensors.constant.weights.zero(), "constant-weights",
                "the constant part of the weights of layer " + map.name + " must be 0");
        top_ = std::move(tensors);
      } else {
        require(
            tensors.slope.weights.zero() && tensors.slope.bias.zero(), "moving-layer",
            "layer " + c.network.node(i).name + " below the claimed one must not move with alpha");
        theta_[i] = std::move(tensors.constant);
      }
    }

    // Row-difference: the triangular part has N-1 neurons; one more, saturated, replaces the ones.
    const bool differences = rule == "row-difference-ray";
    require(differences || !affine, "wrong-rule",
            "rule " + rule + " does not prove rank [F, 1] = N");
    if (differences) saturated_ = proof_.at("saturated").boolean();
    require(!differences || n >= 2, "one-sample", "row differences need two samples");
    require(!differences || affine != saturated_, "saturated",
            "rank F = N needs the saturated neuron, rank [F, 1] = N the column of ones");
    neurons_ = differences ? n - 1 : n;
    const std::size_t used = neurons_ + (saturated_ ? 1 : 0);
    require(used <= map.width, "width",
            "layer " + map.name + " has " + number(map.width) + " neurons, " + number(used) +
                " are needed");

    const auto order = proof_.at("order").list();
    require(order.size() == n, "order", "the order must name all N samples");
    position_.assign(n, n);
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t sample = order[r].number(n - 1);
      require(position_[sample] == n, "order",
              "sample " + number(sample) + " occurs twice in the order");
      position_[sample] = r;
    }
    gaps_.delta = proof_.at("delta").rational();
    const auto diagonal = proof_.at("diagonal").list();
    if (diagonal.size() != 2) proof_.at("diagonal").bad("[low, high]");
    gaps_.diagonal_low = diagonal[0].rational();
    gaps_.diagonal_high = diagonal[1].rational();
    gaps_.upper = proof_.at("upper").rational();
    require(gaps_.delta > 0, "gap", "delta must be positive");
    proof_.at("rule");
    proof_.only();

    // beta: one constant for all neurons used.
    mpq_class beta = 0;
    if (map.bias != Bias::none) {
      for (std::size_t j = 0; j < used; ++j) {
        mpq_class b(top_.constant.bias.rows[0][c.network.bias_of(map_, j)] * sign_,
                    top_.constant.bias.divisor);
        b.canonicalize();
        require(j == 0 || b == beta, "beta",
                "the constant part of the biases differs between neurons");
        beta = b;
      }
    }
    require_threshold(rule, f, gaps_, beta, alpha_0, differences && !saturated_ ? n - 1 : n,
                      saturated_);
    for (std::size_t j = 0; j < used; ++j) {
      mpq_class centre = 0;
      if (map.bias != Bias::none) {
        centre = mpq_class(top_.slope.bias.rows[0][c.network.bias_of(map_, j)] * sign_,
                           top_.slope.bias.divisor);
        centre.canonicalize();
      }
      centres_.push_back(std::move(centre));
    }
    if (sign_ < 0) {
      for (auto& row : top_.slope.weights.rows)
        for (mpz_class& w : row) w = -w;
    }
    for (const auto& row : top_.slope.weights.rows) {
      mpz_class sum = 0;
      for (const mpz_class& w : row) sum += abs(w);
      norm_ = std::max(norm_, sum);
      auto& narrow = narrow_.emplace_back();
      for (const mpz_class& w : row) narrow.push_back(w.fits_slong_p() ? w.get_si() : 0);
    }
  }

  // Streams the samples and checks every z_ij against delta, the diagonal and Delta.
  void check_gaps() {
    c_.data.for_each([&](std::size_t sample, const Values& x) {
      const Values f = c_.network.evaluate(c_.network.node(map_).inputs[0], theta_, x, bits_);
      prepare(f);
      mpz_class most = 0;
      for (const mpz_class& v : f.v) most = std::max(most, mpz_class(abs(v)));
      // |<v, f>| <= norm * most: below 2^62 every partial sum fits into 64 bits.
      if ((norm_ + 1) * (most + 1) < (mpz_class(1) << 62)) {
        std::vector<long> narrow;
        for (const mpz_class& v : f.v) narrow.push_back(v.get_si());
        row<long, long>(sample, narrow, narrow_, small_bounds_);
      } else {
        row<mpz_class, mpz_class>(sample, f.v, top_.slope.weights.rows, bounds_);
      }
    });
  }

 private:
  // t = <v^t, f> in units of 1/(divisor of f * divisor of v), error at most e. Then z <= b holds
  // iff t + e <= (b - c_j) units, iff t <= floor((b - c_j) units) - e; likewise z >= b with
  // ceilings.
  template <class T>
  struct Bounds {
    T below, above, low, high;
  };

  void prepare(const Values& f) {
    const mpz_class units = f.divisor * top_.slope.weights.divisor, error = f.radius * norm_;
    if (units == units_ && error == error_) return;
    units_ = units;
    error_ = error;
    bounds_.clear();
    small_bounds_.clear();
    const auto at_most = [&](const mpq_class& b, const mpq_class& centre) -> mpz_class {
      const mpq_class scaled = (b - centre) * units;
      mpz_class r;
      mpz_fdiv_q(r.get_mpz_t(), scaled.get_num_mpz_t(), scaled.get_den_mpz_t());
      return r - error;
    };
    const auto at_least = [&](const mpq_class& b, const mpq_class& centre) -> mpz_class {
      return -at_most(-b, -centre);
    };
    // A bound beyond 64 bits compares with |t| < 2^62 as its clamped value does.
    const auto clamp = [](const mpz_class& v) {
      if (v.fits_slong_p()) return v.get_si();
      return v > 0 ? std::numeric_limits<long>::max() : std::numeric_limits<long>::min();
    };
    for (std::size_t j = 0; j < centres_.size(); ++j) {
      Bounds<mpz_class> b;
      const mpq_class& centre = centres_[j];
      b.below = at_most(-gaps_.delta, centre);
      b.above = at_most(gaps_.upper, centre);
      // The saturated neuron must reach delta everywhere.
      b.low = at_least(j == neurons_ ? gaps_.delta : gaps_.diagonal_low, centre);
      b.high = at_most(gaps_.diagonal_high, centre);
      small_bounds_.push_back({clamp(b.below), clamp(b.above), clamp(b.low), clamp(b.high)});
      bounds_.push_back(std::move(b));
    }
  }

  template <class T, class W>
  void row(std::size_t sample, const std::vector<T>& f, const std::vector<std::vector<W>>& weights,
           const std::vector<Bounds<T>>& bounds) const {
    const Node& map = c_.network.node(map_);
    const std::size_t r = position_[sample];
    for (std::size_t j = 0; j < centres_.size(); ++j) {
      const auto& entries = map.patches.entries[j / map.filters];
      const auto& w = weights[c_.network.filter_of(map_, j)];
      T t = 0;
      for (std::size_t k = 0; k < entries.size(); ++k)
        if (entries[k] != kPad) t += w[k] * f[static_cast<std::size_t>(entries[k])];
      const Bounds<T>& b = bounds[j];
      if (j == neurons_) {
        require(t >= b.low, "saturation",
                place(sample, j) + "the saturated neuron stays below delta");
      } else if (j == r) {
        require(t >= b.low && t <= b.high, "diagonal",
                place(sample, j) + "z is outside the diagonal's bounds");
      } else if (j < r) {
        require(t <= b.below, "gap", place(sample, j) + "z exceeds -delta below the diagonal");
      } else {
        require(t <= b.above, "reach", place(sample, j) + "z exceeds Delta above the diagonal");
      }
    }
  }

  std::string place(std::size_t sample, std::size_t j) const {
    return "sample " + number(sample + 1) + ", neuron " + number(j + 1) + ": ";
  }

  const Context& c_;
  std::size_t map_ = 0;
  Value proof_;
  bool saturated_ = false;
  int sign_ = 1;
  std::size_t neurons_ = 0;
  Family top_;
  std::map<std::size_t, Parameters> theta_;
  std::vector<std::size_t> position_;
  Gaps gaps_;
  unsigned bits_ = 64;
  std::vector<mpq_class> centres_;
  mpz_class norm_ = 0;
  std::vector<std::vector<long>> narrow_;
  mpz_class units_ = 0, error_ = 0;
  std::vector<Bounds<mpz_class>> bounds_;
  std::vector<Bounds<long>> small_bounds_;
};

void check_ray(const Context& c, std::size_t target, Value family, Value proof,
               const mpq_class& alpha_0, bool affine) {
  const std::string rule = proof.at("rule").text();
  require(rule == "triangular-ray" || rule == "h-matrix-ray" || rule == "row-difference-ray",
          "wrong-rule", "rule " + rule + " is not a ray rule");
  Ray ray(c, target, std::move(family), std::move(proof), alpha_0, rule, affine);
  ray.check_gaps();
}

}  // namespace

void Echelon::insert(std::vector<std::uint64_t> row) {
  // Full rank is reached after little more than width^3; only a deficient matrix goes on and on.
  if (work_ > (std::uint64_t{1} << 38)) {
    throw Malformed("too-large", "the elimination took more than 2^38 steps; refused");
  }
  const std::uint64_t p = prime_;
  for (std::size_t col = 0; col < row.size(); ++col) {
    row[col] %= p;
    if (row[col] == 0) continue;
    work_ += row.size() - col;
    if (pivot_row_[col] < 0) {
      // Normalise: multiply by the inverse of the leading entry (Fermat).
      std::uint64_t inverse = 1, base = row[col];
      for (std::uint64_t e = p - 2; e != 0; e >>= 1) {
        if (e & 1) inverse = inverse * base % p;
        base = base * base % p;
      }
      std::vector<std::uint32_t> kept(row.size());
      for (std::size_t k = col; k < row.size(); ++k) {
        kept[k] = static_cast<std::uint32_t>(row[k] % p * inverse % p);
      }
      pivot_row_[col] = static_cast<long>(rows_.size());
      rows_.push_back(std::move(kept));
      return;
    }
    // Entries stay below 2^62 + 2^62: reduce whenever they pass 2^62, so nothing overflows.
    const auto& pivot = rows_[static_cast<std::size_t>(pivot_row_[col])];
    const std::uint64_t factor = p - row[col];
    for (std::size_t k = col; k < row.size(); ++k) {
      std::uint64_t v = row[k] + factor * pivot[k];
      if (v >= (std::uint64_t{1} << 62)) v %= p;
      row[k] = v;
    }
    row[col] = 0;
  }
}

void require_threshold(const std::string& rule, const Activation& f, const Gaps& gaps,
                       const mpq_class& beta, const mpq_class& alpha_0, std::size_t n,
                       bool saturated) {
  const auto wrong_activation = [&]() {
    return Rejected("activation", "rule " + rule + " does not hold for " + f.name);
  };
  const mpq_class count(mpz_class(std::to_string(n)));
  const mpq_class& delta = gaps.delta;
  const mpq_class& d = gaps.diagonal_low;
  require(alpha_0 > 0, "threshold", "alpha_0 must be positive");
  const mpq_class reach = alpha_0 * delta;
  const auto enough = [&](bool condition, const std::string& what) {
    require(condition, "threshold", "alpha_0 = " + show(alpha_0) + " is too small: " + what);
  };

  if (rule == "triangular-ray") {
    if (f.function != Function::relu) throw wrong_activation();
    require(d >= 0, "diagonal", "the diagonal must not be negative");
    require(beta > 0, "beta", "beta must be positive");
    enough(reach >= beta, "alpha_0 delta < beta");
    return;
  }
  if (rule == "row-difference-ray") {
    const bool is_tanh = f.function == Function::tanh;
    if (!is_tanh && f.function != Function::sigmoid) throw wrong_activation();
    require(d >= 0, "diagonal", "the diagonal must not be negative");
    require(beta >= 0, "beta", "beta must not be negative");
    const mpq_class m = is_tanh ? 2 : 1, x = m * (reach - beta);
    enough(x > 0, "alpha_0 delta <= beta");
    mpq_class least = 1 / (1 + exp_minus(m * beta, kBits).high);
    if (is_tanh && saturated && least > mpq_class(1, 2)) least = mpq_class(1, 2);
    const mpq_class s = least - exp_minus(x, kBits).high;
    enough(s > 0, "the diagonal of the differences is not positive");
    enough(x >= count * log(1 + 1 / s, kBits).high, "m (alpha_0 delta - beta) < n ln(1 + 1/s)");
    return;
  }
  // h-matrix-ray
  switch (f.function) {
    case Function::sigmoid:
    case Function::one_minus_sigmoid: {
      require(d >= 0, "diagonal", "the diagonal must not be negative");
      require(beta >= 0, "beta", "beta must not be negative");
      const mpq_class x = reach - beta;
      enough(x > 0, "alpha_0 delta <= beta");
      // 1 + e^x >= (2 + e^-beta)^n.
      const mpq_class left = x + log(1 + exp_minus(x, kBits).low, kBits).low;
      enough(left >= count * log(2 + exp_minus(beta, kBits).high, kBits).high,
             "1 + e^(alpha_0 delta - beta) < (2 + e^-beta)^n");
      return;
    }
    case Function::softplus: {
      require(beta == 0, "beta", "beta must be 0");
      require(d > 0, "diagonal", "the diagonal must be positive");
      require(gaps.upper >= d, "upper", "Delta must be at least the diagonal's lower bound");
      const mpq_class ln2 = log(2, kBits).low;
      const mpq_class right = count * log(1 + gaps.upper / d, kBits).high - log(ln2, kBits).low;
      enough(f.parameter * reach >= right, "a alpha_0 delta < n ln(1 + Delta/d) - ln ln 2");
      return;
    }
    case Function::silu:
    case Function::mish:
    case Function::gelu: {
      require(beta == 0, "beta", "beta must be 0");
      require(d > 0, "diagonal", "the diagonal must be positive");
      require(gaps.upper >= d && gaps.upper >= delta, "upper",
              "Delta must be at least delta and the diagonal's lower bound");
      enough(reach >= 1, "alpha_0 delta < 1");
      const mpq_class right = count * log(1 + 2 * gaps.upper / d, kBits).high;
      if (f.function == Function::gelu) {
        enough(reach * reach >= 2 * right, "(alpha_0 delta)^2 < 2 n ln(1 + 2 Delta/d)");
      } else {
        enough(reach >= right, "alpha_0 delta < n ln(1 + 2 Delta/d)");
      }
      return;
    }
    case Function::gaussian: {
      require(beta == 0, "beta", "beta must be 0");
      const mpq_class radius = std::max(mpq_class(abs(d)), mpq_class(abs(gaps.diagonal_high)));
      const mpq_class room = delta * delta - count * radius * radius;
      require(room > 0, "diagonal", "the diagonal's radius must stay below delta / sqrt(n)");
      enough(alpha_0 * alpha_0 * room >= count * log(2, kBits).high,
             "alpha_0^2 (delta^2 - n r^2) < n ln 2");
      return;
    }
    default:
      throw wrong_activation();
  }
}

std::string check_claim(const Context& c, Value claim, Value proof, std::string& rule) {
  const std::string kind = claim.at("kind").text();
  const std::string name = claim.at("node").text();
  rule = proof.at("rule").text();
  const std::size_t node = c.network.find(name);
  const auto expect_rule = [&](const char* expected) {
    require(rule == expected, "wrong-rule", "rule " + rule + " does not prove " + kind);
  };
  const std::string n = number(c.data.size());
  std::string sentence;
  if (kind == "patches-distinct") {
    expect_rule("distinct-digests");
    sentence = patches_distinct(c, node, name);
  } else if (kind == "patches-collide") {
    expect_rule("comparison");
    sentence = patches_collide(c, node, claim, name);
  } else if (kind == "features-distinct-at") {
    expect_rule("separating-projection");
    sentence = features_distinct(c, node, claim, proof, name);
  } else if (kind == "weights-full-rank-at") {
    expect_rule("modular-elimination");
    sentence = weights_full_rank(c, node, claim, proof, name);
  } else if (kind == "activation-violates") {
    expect_rule("activation-table");
    if (claim.at("assumption").text() != "3.2") claim.at("assumption").bad("\"3.2\"");
    require(c.network.node(node).op == Op::activation, "layer-kind",
            name + " is not an activation");
    const std::string why = violation_of_3_2(c.network.node(node).activation);
    require(!why.empty(), "activation",
            c.network.node(node).activation.name + " satisfies Assumption 3.2");
    if (proof.has("t")) violating_point(c.network.node(node).activation, proof.at("t").rational());
    sentence = c.network.node(node).activation.name + " violates Assumption 3.2: " + why;
  } else if (kind == "never-independent") {
    sentence = never_independent(c, node, proof, rule, name);
  } else if (kind == "independent-on-ray" || kind == "affinely-independent-on-ray") {
    const bool affine = kind[0] == 'a';
    const mpq_class alpha_0 = claim.at("alpha_0").rational();
    check_ray(c, node, claim.at("family"), proof, alpha_0, affine);
    claim.only();
    return "rank " + (affine ? "[F(" + name + "), 1]" : "F(" + name + ")") + " = " + n +
           " for every alpha >= " + show(alpha_0) + " along the family";
  } else if (kind == "independent-somewhere") {
    expect_rule("from-ray");
    check_ray(c, node, proof.at("family"), proof.at("ray"), proof.at("alpha_0").rational(), false);
    sentence = "rank F(" + name + ") = " + n + " for some parameter";
  } else {
    claim.at("kind").bad("a kind of claim of version 1");
  }
  claim.only();
  proof.only();
  return sentence;
}

}  // namespace widecheck
