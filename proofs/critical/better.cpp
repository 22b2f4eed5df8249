#include "proofs/critical/better.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include "proofs/interpolation/exact.h"

namespace widecert {

std::optional<BetterEntry> read_better(const Entry& entry, bool needed) {
  const auto better = entry.json.find("better"), zero = entry.json.find("zero-loss");
  if (!needed) {
    for (const auto& given : {better, zero})
      if (given) throw InputError(given->place() + ": " + entry.claim + " asks for no other point");
    return std::nullopt;
  }
  if (better.has_value() == zero.has_value())
    throw InputError(entry.json.place() + ": " + entry.claim + " needs \"better\" or \"zero-loss\"");
  BetterEntry found;
  if (better) {
    found.parameters = read_point(*better);
    return found;
  }
  // The entry is read like any other one.
  const auto json = std::make_shared<Json>(zero->json());
  (*json)["theorem"] = "theorem-4.5";
  JsonReader in(*json, zero->place(), zero->folder());
  found.zero_loss = read_entry(in, entry.network);
  in.done();
  return found;
}

std::optional<Better> find_better(const Instance& instance, const BetterEntry& entry, std::size_t output,
                                  const TargetsSpec& targets, const LossSpec& loss, const Ln2& phi,
                                  const std::function<Claim(const Keys&)>& outer, const Options& options,
                                  Outcome& failed) {
  if (entry.zero_loss) {
    if (phi.sign() <= 0) {
      failed = not_applicable("not-better", "Phi is 0 at the point itself");
      return std::nullopt;
    }
    Options inner = options;
    inner.bound_text = [&](const Claim& claim) { return options.bound_text(outer({{"zero-loss", claim}})); };
    const Outcome zero = entry.zero_loss->prove(instance, inner);
    if (zero.verdict != Verdict::proved || zero.findings.front().claim.kind() != "zero-loss-exists") {
      failed = undecided("zero-loss", "that zero loss exists is not proved: " + zero.explanation);
      return std::nullopt;
    }
    return Better{{{"zero-loss", zero.findings.front().claim}},
                  {{"zero-loss", zero.findings.front().proof}},
                  "zero loss exists: " + zero.explanation};
  }
  std::string why;
  const auto values = exact_values(instance, *entry.parameters, output, options, why);
  if (!values) {
    failed = not_applicable("irrational", "the better point: " + why);
    return std::nullopt;
  }
  const Ln2 other = loss_of(
      loss, residuals_of(*values, expand_targets(targets, instance.data.size(), instance.network.node(output).width)));
  if (!(other < phi)) {
    failed = not_applicable("not-better", fmt::format("the other point has Phi about {:.6g}, no less than {:.6g}",
                                                      other.near_double(), phi.near_double()));
    return std::nullopt;
  }
  return Better{{{"better", Value::object({{"parameters", *entry.parameters}})}},
                {},
                fmt::format("another point has Phi about {:.6g}", other.near_double())};
}

}  // namespace widecert
