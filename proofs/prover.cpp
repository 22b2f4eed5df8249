#include "proofs/prover.h"

#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

namespace widecert {

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::proved:
      return "proved";
    case Verdict::refuted:
      return "refuted";
    case Verdict::undecided:
      return "undecided";
    case Verdict::not_applicable:
      return "not applicable";
    case Verdict::recomputed:
      return "recomputed";
  }
  throw InternalError("unknown verdict");
}

namespace {

Outcome outcome(Verdict verdict, std::string reason, std::string explanation, std::vector<Finding> findings) {
  Outcome made;
  made.verdict = verdict;
  made.reason = std::move(reason);
  made.explanation = std::move(explanation);
  made.findings = std::move(findings);
  return made;
}

}  // namespace

Outcome proved(std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::proved, "", std::move(explanation), std::move(findings));
}

Outcome refuted(std::string reason, std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::refuted, std::move(reason), std::move(explanation), std::move(findings));
}

Outcome undecided(std::string reason, std::string explanation) {
  return outcome(Verdict::undecided, std::move(reason), std::move(explanation), {});
}

Outcome not_applicable(std::string reason, std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::not_applicable, std::move(reason), std::move(explanation), std::move(findings));
}

std::optional<PointSpec> read_parameters(const Entry& entry) {
  const auto point = entry.json.find("parameters");
  return point ? std::optional(read_point(*point)) : std::nullopt;
}

std::string Attachment::sha256() const { return to_hex(widecert::sha256(bytes)); }

Attachment attachment(const Options& options, const std::string& name, const NpyIntegers& array) {
  return {options.file_prefix + name + ".npy", npy_bytes(array)};
}

TensorSpec tensor_for_claim(const TensorSpec& spec, const std::string& name, const Layout& layout,
                            const Options& options, std::vector<Attachment>& files) {
  const auto* given = std::get_if<ExplicitTensor>(&spec);
  std::size_t entries = 0;
  if (given != nullptr)
    for (const auto& row : given->rows) entries += row.size();
  if (entries <= kMostInText) return spec;
  FileTensor file;
  for (const auto& row : given->rows)
    for (const Rational& v : row) file.divisor = lcm(file.divisor, Integer(denominator(v)));
  NpyIntegers numbers;
  for (const auto& row : given->rows) {
    for (const Rational& v : row) {
      const Integer scaled = numerator(v) * Integer(file.divisor / denominator(v));
      if (abs(scaled) >= Integer(1) << 62) return spec;
      numbers.values.push_back(scaled.convert_to<std::int64_t>());
    }
  }
  numbers.shape = {given->rows.size(), entries / given->rows.size()};
  if (given->rows.size() == 1) numbers.shape.erase(numbers.shape.begin());
  files.push_back(attachment(options, name, numbers));
  file.path = files.back().path;
  file.sha256 = files.back().sha256();
  file.layout = layout;
  file.place = file.path;
  file.array = std::make_shared<const NpyArray>(NpyArray{numbers.shape, std::move(numbers.values), {}});
  return file;
}

}  // namespace widecert
