#include <proofs/catalogue.h>

#include <iostream>

int main() {
  using namespace widecert;
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{3};
  network.add("dense1", dense, {"x"});
  network.add("sigmoid1", ActivationSpec{{ActivationKind::sigmoid, 1}}, {"dense1"});
  const Instance instance{network, {}, Dataset::from_samples({{0, 1}, {1, 0}, {2, 5}})};
  const Outcome outcome = prove(instance, "theorem-3.4", "sigmoid1");
  std::cout << to_string(outcome.verdict) << ": " << outcome.explanation << "\n";
  return outcome.verdict == Verdict::proved ? 0 : 1;
}
