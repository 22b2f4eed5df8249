// The provers on small instances, confirmed by computations that the proofs do not use:
// determinants of F(alpha) in ball arithmetic, exact determinants, and the paper's counterexamples.
#include <widecert/linalg/ball_determinant.h>
#include <widecert/network/forward.h>
#include <widecert/number/error.h>

#include "../catch.h"
#include "../loaded_case.h"
#include "../random.h"
#include "proofs/rays/ray_construction.h"

using namespace widecert;
using test::Loaded, test::open_case;

namespace {

std::string name_of(const Loaded& c) { return c.instance.network.node(c.file.entries[0].task.node).name; }

// F (or [F, 1]) at theta(alpha) as balls.
Matrix<Ball> features_at(const Instance& instance, const std::string& node, const Witness& ray, const Rational& alpha) {
  const Architecture& network = instance.network;
  Parameters<Ball> theta;
  for (const auto& [name, tensors] : ray.family) {
    const std::size_t i = network.index_of(name);
    const auto combine = [&](const TensorSpec& constant, const TensorSpec& slope, const TensorShape& shape) {
      Tensor value = expand(constant, shape, name);
      const Tensor step = expand(slope, shape, name);
      for (std::size_t r = 0; r < value.size(); ++r)
        for (std::size_t c = 0; c < value[r].size(); ++c) value[r][c] += alpha * step[r][c];
      return value;
    };
    theta[i] = convert_parameters<Ball>(
        combine(*tensors.constant.weights, *tensors.slope.weights, network.weights_shape(i)),
        tensors.constant.bias ? combine(*tensors.constant.bias, *tensors.slope.bias, network.bias_shape(i)) : Tensor{});
  }
  const std::size_t target = network.index_of(node);
  const auto n = static_cast<Eigen::Index>(instance.data.size());
  Matrix<Ball> f(n, n);
  f.setConstant(Ball(1));
  for (Eigen::Index i = 0; i < n; ++i) {
    std::vector<Ball> x;
    for (const Rational& v : instance.data.sample(static_cast<std::size_t>(i))) x.push_back(Ball::enclosing(v));
    const auto row = node_value(network, theta, x, target);
    for (Eigen::Index j = 0; j < std::min<Eigen::Index>(n, static_cast<Eigen::Index>(row.size())); ++j) {
      f(i, j) = row[static_cast<std::size_t>(j)];
    }
  }
  return f;
}

bool nonsingular(const Instance& instance, const std::string& node, const Witness& ray, const Rational& alpha) {
  for (long bits = 128; bits <= (1 << 17); bits *= 2) {
    const PrecisionScope precision(bits);
    const Ball det = determinant(features_at(instance, node, ray, alpha));
    if (det.finite() && !det.contains_zero()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("ball determinants confirm the ray at alpha_0 and beyond, for every activation") {
  for (const char* name : {"relu-dense", "sigmoid-deep", "softplus-deep", "silu-deep", "gelu-deep", "mish-deep",
                           "gaussian-deep", "one-minus-sigmoid-deep"}) {
    const Loaded c = open_case(std::string("small/") + name);
    const Outcome outcome = c.file.entries[0].task.prove(c.instance, {});
    INFO(name << ": " << outcome.explanation);
    REQUIRE(outcome.verdict == Verdict::proved);
    const auto& ray = *outcome.witness;
    for (const Rational& factor : {Rational(1), Rational(11, 10), Rational(3)}) {
      INFO("alpha = " << factor << " alpha_0");
      CHECK(nonsingular(c.instance, name_of(c), ray, factor * *ray.alpha_0));
    }
  }
}

TEST_CASE("ReLU: on the ray the determinant is exactly beta^N up to the order's sign") {
  const Loaded c = open_case("small/relu-dense");
  const Outcome outcome = c.file.entries[0].task.prove(c.instance, {});
  const auto& ray = *outcome.witness;
  const PrecisionScope precision(256);
  const Ball det = determinant(features_at(c.instance, name_of(c), ray, *ray.alpha_0));
  CHECK((det.contains(1) || det.contains(-1)));
  CHECK(det.upper_bound() - det.lower_bound() < power_of_two(-100));
}

TEST_CASE("tanh: row differences, with a saturated neuron and with the column of ones") {
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{5};
  network.add("dense1", dense, {"x"});
  network.add("tanh1", ActivationSpec{{ActivationKind::tanh, 1}}, {"dense1"});
  const Dataset data = Dataset::from_samples({{0, 1}, {1, 0}, {2, Rational(1, 3)}, {-1, 4}, {3, 3}});
  const Instance instance{network, {}, data};
  const Outcome full = prove(instance, "row-difference", "tanh1");
  REQUIRE(full.verdict == Verdict::proved);
  CHECK(nonsingular(instance, "tanh1", *full.witness, *full.witness->alpha_0));

  Architecture narrow("x", {2});
  dense.form = DenseSpec{4};
  narrow.add("dense1", dense, {"x"});
  narrow.add("tanh1", ActivationSpec{{ActivationKind::tanh, 1}}, {"dense1"});
  const Instance short_one{narrow, {}, data};
  const Outcome affine = prove(short_one, "row-difference", "tanh1", "affinely-independent-on-ray");
  REQUIRE(affine.verdict == Verdict::proved);
  const auto& ray = *affine.witness;
  CHECK(affine.findings.front().claim.kind() == "affinely-independent-on-ray");
  CHECK(nonsingular(short_one, "tanh1", ray, *ray.alpha_0));
  CHECK(prove(short_one, "row-difference", "tanh1").reason == "width");
}

TEST_CASE("random instances: whatever is proved is confirmed by a ball determinant") {
  test::Random random(71);
  const std::vector<ActivationKind> kinds{
      ActivationKind::relu, ActivationKind::sigmoid,  ActivationKind::softplus,          ActivationKind::silu,
      ActivationKind::gelu, ActivationKind::gaussian, ActivationKind::one_minus_sigmoid, ActivationKind::mish};
  int proved = 0;
  for (int round = 0; round < test::rounds(24); ++round) {
    const ActivationKind kind = kinds[static_cast<std::size_t>(round) % kinds.size()];
    const auto n = static_cast<std::size_t>(random.integer(1, 6));
    Architecture network("x", {4});
    LinearSpec linear;
    linear.form = PatchListSpec{{{{0, 1, 2}}, {{1, 2, 3}}}, 3};
    network.add("layer", linear, {"x"});
    network.add("f", ActivationSpec{{kind, 1}}, {"layer"});
    std::vector<std::vector<Rational>> samples(n);
    for (auto& x : samples)
      for (int j = 0; j < 4; ++j) x.push_back(random.rational(30));
    const Instance instance{network, {}, Dataset::from_samples(samples)};
    Options options;
    options.seed = static_cast<std::uint64_t>(round);
    const Outcome outcome = prove(instance, "theorem-3.4", "f", "", options);
    INFO("seed 71, round " << round << ", " << facts(kind).name << ", N = " << n << ": " << outcome.explanation);
    if (outcome.verdict != Verdict::proved) {
      CHECK((outcome.reason == "patches-collide" || outcome.reason == "equal-samples"));
      continue;
    }
    ++proved;
    const auto& ray = *outcome.witness;
    CHECK(nonsingular(instance, "f", ray, *ray.alpha_0));
  }
  CHECK(proved > 10);
}

TEST_CASE("Assumption 2.4 is decided both ways") {
  Architecture network("x", {4});
  LinearSpec even_cycle;  // null vector (a, b, -a, -b) for every filter
  even_cycle.form = PatchListSpec{{{{0, 1}}, {{2, 3}}, {{0, 2}}, {{1, 3}}}, 1};
  network.add("cycle", even_cycle, {"x"});
  LinearSpec dense;
  dense.form = DenseSpec{6};
  network.add("dense", dense, {"x"});
  const Instance instance{network, {}, Dataset::from_samples({{1, 2, 3, 4}})};
  CHECK(prove(instance, "full-rank-weights", "dense").verdict == Verdict::proved);
  const Outcome never = prove(instance, "full-rank-weights", "cycle");
  CHECK(never.verdict == Verdict::refuted);
  CHECK(never.reason == "kernel-polynomials");
}

TEST_CASE("a claim on features stands where no full-rank filters are found") {
  Architecture network("x", {4});
  LinearSpec cycle;
  cycle.form = PatchListSpec{{{{0, 1}}, {{2, 3}}, {{0, 2}}, {{1, 3}}}, 1};
  network.add("cycle", cycle, {"x"});
  network.add("f", ActivationSpec{{ActivationKind::sigmoid, 1}}, {"cycle"});
  const Instance instance{
      network, {}, Dataset::from_samples({{1, 20, 300, 4000}, {5, 60, 700, 8000}, {9, 11, 130, 170}})};
  const Outcome outcome = prove(instance, "theorem-3.4", "f");
  REQUIRE(outcome.verdict == Verdict::proved);
  CHECK(outcome.findings.front().claim.kind() == "independent-on-ray");
  bool said = false;
  for (const auto& [name, text] : outcome.ingredients) said = said || name == "undecided";
  CHECK(said);
}

TEST_CASE("frozen tensors are outside the theorem") {
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{3};
  dense.frozen_bias = FillTensor{0};
  network.add("dense", dense, {"x"});
  network.add("f", ActivationSpec{{ActivationKind::sigmoid, 1}}, {"dense"});
  const Instance instance{network, {}, Dataset::from_samples({{1, 2}, {3, 4}})};
  CHECK(prove(instance, "theorem-3.4", "f").reason == "frozen-parameters");
  CHECK(prove(instance, "theorem-3.4", "dense").reason == "layer-kind");
  CHECK_THROWS_AS(prove(instance, "theorem-3.4", "nowhere"), InputError);
  CHECK_THROWS_AS(prove(instance, "theorem-9.9", "f"), InputError);
  CHECK_THROWS_AS(prove(instance, "theorem-3.4", "f", "affinely-independent-on-ray"), InputError);
}
