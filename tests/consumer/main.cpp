// An outside project: a theorem of the catalogue, and the smallest topic that can be added to it, whose claim the
// installed checker accepts.
#include <proofs/catalogue.h>
#include <widecert/certificate/atomic_file.h>

#include <iostream>

using namespace widecert;

namespace {

Outcome prove_narrow(const Instance& instance, std::size_t node, const std::string& claim, const Options&) {
  const Node& layer = instance.network.node(node);
  if (layer.width >= instance.data.size()) return undecided("wide", "the layer has a neuron for each sample");
  return proved("fewer neurons than samples", {{Claim(claim.c_str(), {{"node", layer.name}}), Proof("width")}});
}

Theorem narrow() {
  return {.id = "narrow",
          .title = "Narrow layers",
          .source = "elementary",
          .statement = "rank F < N where a layer has fewer than N neurons",
          .hypotheses = {"any architecture"},
          .claims = {"never-independent"},
          .rules = {"width"},
          .reasons = {"wide"},
          .read = read_plain<prove_narrow>};
}

}  // namespace

int main() {
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{3};
  network.add("dense1", dense, {"x"});
  network.add("sigmoid1", ActivationSpec{{ActivationKind::sigmoid, 1}}, {"dense1"});
  DatasetSpec spec{InlineSource{{{0, 1}, {1, 0}, {2, 5}}}};
  const Dataset data = load(spec, ".", {2}, &spec);
  const Instance instance{network, spec, data};
  const Outcome outcome = prove(instance, "theorem-3.4", "sigmoid1");
  std::cout << to_string(outcome.verdict) << ": " << outcome.explanation << "\n";
  if (outcome.verdict != Verdict::proved) return 1;

  dense.form = DenseSpec{2};
  network.add("dense2", dense, {"sigmoid1"});
  const Instance deeper{network, spec, data};
  const Outcome added = prove_entry(deeper, R"({"theorem": "narrow", "node": "dense2"})", {}, {narrow()});
  std::cout << to_string(added.verdict) << ": " << added.explanation << "\n";
  const std::string claim = claim_text({network, spec, {added.findings[0].claim}});
  write_atomically("narrow.claim.json", claim);
  write_atomically("narrow.cert.json", certificate_text(claim, {added.findings[0].proof}));
  return added.verdict == Verdict::proved ? 0 : 1;
}
