#include "kernel/targets.h"

#include <algorithm>
#include <set>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// The numerators of so many samples as long as `width`, over one divisor.
Tensor read_data(const Value& json, const Context& c, std::size_t width) {
  Data data(json, {width}, c.budget);
  if (data.size() != c.data.size()) json.bad(number(c.data.size()) + " of them, one for each sample");
  data.verify();
  json.note("targets: " + data.description());
  Tensor tensor;
  tensor.divisor = data.divisor();
  c.budget.spend(60 * Products(data.size()) * width);
  data.for_each([&](std::size_t, const std::vector<mpz_class>& row) { tensor.rows.push_back(row); });
  return tensor;
}

}  // namespace

std::vector<std::size_t> read_classes(const Value& json, const Context& c) {
  std::vector<std::size_t> classes;
  if (json.is_list()) {
    for (const Value& v : json.list()) classes.push_back(v.number(kMaxEntries));
    if (classes.size() != c.data.size()) json.bad(number(c.data.size()) + " classes, one for each sample");
    return classes;
  }
  const Tensor data = read_data(json, c, 1);
  for (const auto& row : data.rows) {
    if (row[0] < 0 || row[0] > static_cast<unsigned long>(kMaxEntries) * data.divisor ||
        !mpz_divisible_p(row[0].get_mpz_t(), data.divisor.get_mpz_t()))
      json.bad("classes: integers from 0 on");
    classes.push_back(mpz_class(row[0] / data.divisor).get_ui());
  }
  return classes;
}

Tensor read_targets(const Value& json, const Context& c, std::size_t outputs) {
  const std::size_t n = c.data.size();
  if (outputs > kMaxEntries / std::max<std::size_t>(n, 1)) json.bad("at most 2^27 numbers");
  if (json.has("data")) return read_data(json.at("data"), c, outputs);
  if (!json.has("labels")) return read_tensor(json, {std::vector<std::size_t>(n, outputs)}, c.budget);
  const std::vector<std::size_t> classes = read_classes(json.at("labels"), c);
  const Value rows = json.at("rows");
  const std::size_t count = rows.list().size();
  // (A tensor of this form, read from the same keys.)
  const Tensor values = read_tensor_rows(rows, {std::vector<std::size_t>(count, outputs)}, c.budget);
  Tensor targets;
  targets.divisor = values.divisor;
  for (const auto& row : values.rows) c.budget.spend((60 + Products::words(largest(row))) * outputs);
  mpz_class most = 0;
  for (const auto& row : values.rows) most = std::max(most, largest(row));
  c.budget.spend((60 + Products::words(most)) * outputs * n);
  for (std::size_t i = 0; i < n; ++i) {
    if (classes[i] >= count)
      json.at("labels").bad("classes below " + number(count) + ", the number of \"rows\"; sample " + number(i + 1) +
                            " has another");
    targets.rows.push_back(values.rows[classes[i]]);
  }
  return targets;
}

std::size_t count_different(const Tensor& targets, Budget& budget) {
  mpz_class most = 0;
  for (const auto& row : targets.rows) most = std::max(most, largest(row));
  budget.spend((60 + Products::words(most)) * 30 * Products(targets.rows.size()) *
               (targets.rows.empty() ? 1 : targets.rows[0].size()));
  return std::set<std::vector<mpz_class>>(targets.rows.begin(), targets.rows.end()).size();
}

}  // namespace widecheck
