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

static TensorShape shape_of(const ExplicitTensor& tensor) {
  std::vector<std::size_t> lengths;
  for (const auto& row : tensor.rows) lengths.push_back(row.size());
  return TensorShape(std::move(lengths));
}

TensorSpec tensor_for_claim(const TensorSpec& spec, const std::string& name, const Layout& layout,
                            const Options& options, std::vector<Attachment>& files) {
  const auto* given = std::get_if<ExplicitTensor>(&spec);
  std::size_t entries = 0;
  if (given != nullptr)
    for (const auto& row : given->rows) entries += row.size();
  if (entries <= kMostInText) return spec;
  IntegerTensor integers = expand_integers(spec, shape_of(*given), name);
  if (!integers.is_small()) return spec;  // (wide_tensor_for_claim takes long ones)
  FileTensor file;
  file.divisor = integers.divisor;
  NpyIntegers numbers{{given->rows.size(), entries / given->rows.size()}, std::move(integers.small)};
  if (given->rows.size() == 1) numbers.shape.erase(numbers.shape.begin());
  files.push_back(attachment(options, name, numbers));
  file.path = files.back().path;
  file.sha256 = files.back().sha256();
  file.layout = layout;
  file.place = file.path;
  file.array = std::make_shared<const NpyArray>(NpyArray{numbers.shape, std::move(numbers.values), {}});
  return file;
}

TensorSpec wide_tensor_for_claim(const TensorSpec& spec, const std::string& name, const Options& options,
                                 std::vector<Attachment>& files) {
  if (const auto* sum = std::get_if<Ln2Tensor>(&spec)) {
    const TensorSpec part = wide_tensor_for_claim(as_spec(sum->ln2), name, options, files);
    if (const auto* wide = std::get_if<WideTensor>(&part)) return Ln2Tensor{*wide, sum->plus};
    return spec;
  }
  const auto* given = std::get_if<ExplicitTensor>(&spec);
  if (given == nullptr || given->rows.empty()) return spec;
  // About so many characters as text.
  constexpr std::size_t kMostCharacters = 2'000'000;
  std::size_t characters = 0, entries = 0;
  for (const auto& row : given->rows) {
    for (const Rational& v : row) {
      ++entries;
      characters +=
          (mpz_sizeinbase(mpq_numref(v.backend().data()), 2) + mpz_sizeinbase(mpq_denref(v.backend().data()), 2)) / 3;
    }
  }
  if (characters <= kMostCharacters) return spec;
  const IntegerTensor integers = expand_integers(spec, shape_of(*given), name);
  const std::size_t bits = mpz_sizeinbase(integers.bound.backend().data(), 2) + 1;
  const std::size_t bytes = (bits + 7) / 8;
  std::string elements(bytes * entries, '\0');
  for (std::size_t k = 0; k < entries; ++k) {
    Integer v = integers.at(k);
    if (v < 0) v += Integer(1) << (8 * bytes);
    mpz_export(elements.data() + k * bytes, nullptr, -1, 1, 0, 0, v.backend().data());
  }
  const std::size_t length = given->rows.front().size();
  files.push_back(
      {options.file_prefix + name + ".npy", npy_bytes("|u1", {given->rows.size(), length, bytes}, elements)});
  return WideTensor{files.back().path, "", files.back().sha256(), integers.divisor};
}

}  // namespace widecert
