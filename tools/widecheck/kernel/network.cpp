#include "kernel/network.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "kernel/integers.h"
#include "kernel/npy.h"
#include "kernel/seeded.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// Patches of a pool are in one bank, hence of one length.
Patches read_patch_list(const Value& node, std::size_t inputs, bool may_have_banks) {
  std::vector<std::vector<long>> all;
  std::size_t bank_count = 1;
  for (const Value& json : node.at("patches").list()) {
    std::vector<long> patch;
    std::set<long> seen;
    for (const Value& e : json.list()) {
      if (e.is_null()) {
        patch.push_back(kPad);
        continue;
      }
      const long entry = static_cast<long>(e.number(inputs - 1));
      if (!seen.insert(entry).second) json.bad("distinct input neurons");
      patch.push_back(entry);
    }
    if (seen.empty()) json.bad("a patch with at least one neuron");
    all.push_back(std::move(patch));
  }
  if (all.empty()) node.at("patches").bad("at least one patch");
  std::vector<std::size_t> bank(all.size(), 0);
  if (may_have_banks && node.has("banks")) {
    const Value banks = node.at("banks");
    const auto list = banks.list();
    if (list.size() != all.size()) banks.bad("one bank a patch");
    for (std::size_t p = 0; p < list.size(); ++p) {
      bank[p] = list[p].number(list.size());
      bank_count = std::max(bank_count, bank[p] + 1);
    }
  }
  std::vector<std::size_t> length(bank_count, 0);
  for (std::size_t p = 0; p < all.size(); ++p) {
    std::size_t& l = length[bank[p]];
    if (l != 0 && l != all[p].size()) throw Malformed("shape", node.place() + ": patches of one bank differ in length");
    l = all[p].size();
  }
  if (std::count(length.begin(), length.end(), 0u) != 0)
    throw Malformed("shape", node.place() + ": a bank without patches");
  return {std::move(all), std::move(bank), bank_count};
}

// ---- nodes ----

void read_linear(Node& node, const Value& json, const std::string& op, const Node& from,
                 const std::shared_ptr<std::size_t>& numbers) {
  std::size_t filters = json.at("filters").number(kMaxEntries);
  if (op == "dense") {
    std::vector<long> all(from.width);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<long>(i);
    node.patches = Patches({std::move(all)}, {0}, 1);
    node.patch_image = from.shape;
    node.shape = {filters};
  } else if (op == "linear") {
    node.patches = read_patch_list(json, from.width, true);
    node.shape = {node.patches.count(), filters};
  } else {
    const int dimensions = op == "conv1d" ? 1 : 2;
    const Window w = read_window(json, dimensions, from.shape, false);
    const std::size_t groups = json.has("groups") ? json.at("groups").number(kMaxEntries) : 1;
    node.patches = Patches(w, groups, json.place(), numbers);
    node.patch_image = {w.size[1], w.channels / groups};
    if (dimensions == 2) node.patch_image.insert(node.patch_image.begin(), w.size[0]);
    node.shape = dimensions == 1 ? std::vector<std::size_t>{w.count[1], filters}
                                 : std::vector<std::size_t>{w.count[0], w.count[1], filters};
    if (filters % groups != 0) throw Malformed("shape", json.place() + ": filters and groups");
    filters /= groups;
  }
  if (filters == 0) throw Malformed("shape", json.place() + ": no filters");
  node.op = Op::linear;
  node.filters = filters;
  const std::string bias = json.at("bias").text();
  if (bias != "none" && bias != "channel" && bias != "neuron") json.at("bias").bad("none, channel or neuron");
  node.bias = bias == "none" ? Bias::none : bias == "channel" ? Bias::channel : Bias::neuron;
}

void read_pool(Node& node, const Value& json, const std::string& op, const Node& from,
               const std::shared_ptr<std::size_t>& numbers) {
  node.op = op.starts_with("max") ? Op::max_pool : Op::average_pool;
  if (op.ends_with("pool")) {
    node.patches = read_patch_list(json, from.width, false);
    node.shape = {node.patches.count()};
    return;
  }
  const int dimensions = op.ends_with("1d") ? 1 : 2;
  const Window w = read_window(json, dimensions, from.shape, true);
  node.patches = Patches(w, w.channels, json.place(), numbers);
  node.shape = from.shape;
  node.shape[node.shape.size() - 2] = w.count[1];
  if (dimensions == 2) node.shape[0] = w.count[0];
  if (sees_padding_only(w)) throw Malformed("shape", json.place() + ": a pool of padding only");
}

// Neuron k of an image in that order is neuron entry_order()[k]: channels last are as they are.
std::vector<std::size_t> entry_order(const Extents& shape, std::size_t width, bool channels_first) {
  const std::size_t channels = channels_first ? shape.back() : 1, places = width / channels;
  std::vector<std::size_t> entries;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t p = 0; p < places; ++p) entries.push_back(p * channels + c);
  return entries;
}

// The same numbers with other extents: averages over single neurons.
void read_reshape(Node& node, const Value& json, const Node& from, std::size_t& numbers) {
  for (const Value& extent : json.at("shape").list()) node.shape.push_back(extent.number(kMaxEntries));
  if (node.shape.empty() || node.shape.size() > 3) json.at("shape").bad("1 to 3 extents");
  if (checked_product(node.shape, json.place()) != from.width)
    throw Malformed("shape", json.place() + ": a reshape to another number of neurons");
  const std::string order = json.at("order").text();
  const bool channels_first = order == "channels-first";
  if (!channels_first && order != "channels-last") json.at("order").bad("channels-first or channels-last");
  // (A list of lists takes more than its entries.)
  numbers += 7 * from.width;
  if (numbers > kMaxEntries) throw Malformed("too-large", json.place() + ": a network of more than 2^27 numbers");
  const auto read = entry_order(from.shape, from.width, channels_first),
             dealt = entry_order(node.shape, from.width, channels_first);
  std::vector<std::vector<long>> single(from.width);
  for (std::size_t k = 0; k < from.width; ++k) single[dealt[k]] = {static_cast<long>(read[k])};
  node.patches = Patches(std::move(single), std::vector<std::size_t>(from.width, 0), 1);
  node.op = Op::average_pool;
}

// divisor becomes its least common multiple with the denominator of v; pays for that and for what v becomes over it.
void widen_divisor(mpz_class& divisor, const mpq_class& v, const std::string& place, Budget& budget) {
  const Products denominator = Products::words(v.get_den());
  budget.spend(100 + 4 * Products::words(divisor) * (denominator + Products::words(v.get_num())));
  if (!mpz_divisible_p(divisor.get_mpz_t(), v.get_den_mpz_t())) divisor = lcm(divisor, v.get_den());
  if (mpz_sizeinbase(divisor.get_mpz_t(), 2) > 100'000)
    throw Malformed("number", place + ": denominators without a reasonable common multiple");
}

// Neurons of several nodes side by side: "take", pairs of an input and an entry of it; or "count" of them and a "seed",
// those positions of all inputs one after the other that have the smallest hashes.
void read_select(Node& node, const Value& item, const std::vector<std::shared_ptr<const Node>>& nodes,
                 std::size_t& numbers, Budget& budget) {
  constexpr std::size_t kMostChoice = std::size_t{1} << 24;
  node.op = Op::select;
  std::size_t all = 0;
  for (std::size_t i : node.inputs) all += nodes[i]->width;
  numbers += all;  // every one is held
  if (all > kMostChoice || numbers > kMaxEntries)
    throw Malformed("too-large", item.place() + ": a choice among more than 2^24 neurons, or too many choices");
  for (std::size_t i : node.inputs) node.selected.emplace_back(nodes[i]->width, Node::kNowhere);
  std::size_t count = 0;
  if (item.has("take")) {
    for (const Value& pair : item.at("take").list()) {
      const auto ends = pair.list();
      if (ends.size() != 2) pair.bad("the number of an input and of an entry of it");
      const std::size_t n = ends[0].number(node.inputs.size() - 1), h = ends[1].number(node.selected[n].size() - 1);
      if (node.selected[n][h] != Node::kNowhere)
        throw Malformed("duplicate", pair.place() + ": this neuron is taken already");
      node.selected[n][h] = count++;
    }
  } else {
    count = item.at("count").number(all);
    const std::uint64_t seed = item.at("seed").number(std::numeric_limits<std::uint64_t>::max());
    budget.spend(Products(kSeededCost) * 4 * all);
    std::vector<std::pair<std::uint64_t, std::size_t>> hashes;
    Sha256 hash;
    for (std::size_t i = 0; i < all; ++i) {
      std::string message = "widecert/1/select/" + std::to_string(seed) + "/" + node.name + "/";
      for (int b = 7; b >= 0; --b) message += static_cast<char>(static_cast<std::uint64_t>(i) >> 8 * b & 0xff);
      hash.update(message);
      const std::string digest = hash.finish();
      std::uint64_t word = 0;
      for (std::size_t b = 0; b < 8; ++b) word = word << 8 | static_cast<unsigned char>(digest[b]);
      hashes.emplace_back(word, i);
    }
    std::sort(hashes.begin(), hashes.end());
    std::vector<bool> taken(all);
    for (std::size_t k = 0; k < count; ++k) taken[hashes[k].second] = true;
    std::size_t i = 0, place = 0;
    for (auto& entries : node.selected)
      for (std::size_t& to : entries)
        if (taken[i++]) to = place++;
  }
  if (count == 0) item.bad("one neuron at least");
  node.shape = {count};
}

}  // namespace

bool Tensor::zero() const {
  for (const auto& row : rows)
    for (const mpz_class& v : row)
      if (v != 0) return false;
  return true;
}

// The order of the entries of a row of a tensor in an array of these extents.
static Extents file_order(const Extents& extents, const Layout& layout, const TensorShape& shape,
                          const std::string& place) {
  const auto bad = [&](const char* why) { return Malformed("shape", place + why); };
  const std::vector<std::size_t>& lengths = shape.lengths;
  if (extents.size() > 2 && layout.axes.empty()) throw bad(": an array of more than two dimensions without axes");
  for (std::size_t length : lengths)
    if (length != lengths[0]) throw bad(": rows of different length in an array");
  const bool has_rows = lengths.size() != 1 || (extents.size() > 1 && extents[0] == 1);
  if (has_rows && (extents.empty() || extents[0] != lengths.size()))
    throw bad(": the array does not have one row for each of the tensor");
  if (lengths.empty()) return {};
  return row_order(Extents(extents.begin() + (has_rows ? 1 : 0), extents.end()), layout,
                   shape.image.empty() ? Extents{lengths[0]} : shape.image, place);
}

Tensor sum_of(const Tensor& a, const Tensor& b, Budget& budget) {
  Tensor sum;
  sum.divisor = lcm(a.divisor, b.divisor);
  const mpz_class of_a = sum.divisor / a.divisor, of_b = sum.divisor / b.divisor;
  for (std::size_t r = 0; r < a.rows.size(); ++r) {
    budget.spend((100 + Products::words(of_a) * Products::words(largest(a.rows[r])) +
                  Products::words(of_b) * Products::words(largest(b.rows[r]))) *
                 a.rows[r].size());
    auto& row = sum.rows.emplace_back();
    for (std::size_t c = 0; c < a.rows[r].size(); ++c) row.push_back(a.rows[r][c] * of_a + b.rows[r][c] * of_b);
  }
  return sum;
}

Tensor difference_of(const Tensor& a, const Tensor& b, Budget& budget) {
  Tensor minus = a;
  for (auto& row : minus.rows)
    for (mpz_class& v : row) v = -v;
  return sum_of(b, minus, budget);
}

namespace {
template <class Touched>
void multiply(Tensor& a, const mpq_class& by, Budget& budget, Touched touched) {
  constexpr std::size_t kMaxBits = 65'536;
  for (std::size_t r = 0; r < a.rows.size(); ++r) {
    const Products words = Products::words(largest(a.rows[r]));
    budget.spend((60 + words * (Products::words(by.get_num()) + Products::words(by.get_den()))) * a.rows[r].size());
    for (std::size_t k = 0; k < a.rows[r].size(); ++k) {
      a.rows[r][k] *= touched(r, k) ? by.get_num() : by.get_den();
      if (mpz_sizeinbase(a.rows[r][k].get_mpz_t(), 2) > kMaxBits)
        throw Malformed("too-large", "a weight of more than 65,536 bits");
    }
  }
  a.divisor *= by.get_den();
  if (mpz_sizeinbase(a.divisor.get_mpz_t(), 2) > kMaxBits)
    throw Malformed("too-large", "a weight of more than 65,536 bits");
}
}  // namespace

void multiply_row(Tensor& a, std::size_t j, const mpq_class& by, Budget& budget) {
  multiply(a, by, budget, [&](std::size_t r, std::size_t) { return r == j; });
}
void multiply_column(Tensor& a, std::size_t j, const mpq_class& by, Budget& budget) {
  multiply(a, by, budget, [&](std::size_t, std::size_t k) { return k == j; });
}

mpq_class sum_of_squares(const Tensor& a, Budget& budget) {
  mpz_class sum = 0;
  for (const auto& row : a.rows) {
    const Products words = Products::words(largest(row));
    budget.spend((60 + words * words) * row.size());
    sum += squares(row);
  }
  mpq_class result(sum, a.divisor * a.divisor);
  result.canonicalize();
  return result;
}

Tensor constant_tensor(const std::vector<std::size_t>& row_lengths, const mpz_class& value) {
  Tensor tensor;
  for (std::size_t length : row_lengths) tensor.rows.emplace_back(length, value);
  return tensor;
}

// One of the six forms; what stands beside it is unknown to the reader of that form.
static void require_one_form(const Value& json) {
  int forms = 0;
  for (const char* form : {"fill", "rows", "sparse", "npy", "wide", "seeded"}) forms += json.has(form) ? 1 : 0;
  if (forms != 1) json.bad("one of fill, rows, sparse, npy, wide and seeded");
}

Tensor read_tensor_rows(const Value& json, const TensorShape& shape, Budget& budget) {
  const std::vector<std::size_t>& row_lengths = shape.lengths;
  const auto rows = json.list();
  Tensor tensor;
  std::vector<std::vector<mpq_class>> values;
  if (rows.size() != row_lengths.size()) json.bad("the number of rows of the tensor");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto list = rows[r].list();
    if (list.size() != row_lengths[r]) {
      throw Malformed("shape", rows[r].place() + ": expected " + std::to_string(row_lengths[r]) + " numbers, found " +
                                   std::to_string(list.size()));
    }
    auto& row = values.emplace_back();
    for (const Value& v : list) {
      row.push_back(v.rational());
      widen_divisor(tensor.divisor, row.back(), json.place(), budget);
    }
  }
  for (const auto& row : values) {
    auto& out = tensor.rows.emplace_back();
    for (const mpq_class& v : row) out.push_back(v.get_num() * (tensor.divisor / v.get_den()));
  }
  return tensor;
}

static mpz_class read_divisor(const Value& json) {
  const mpz_class divisor = json.at("divisor").integer();
  if (divisor <= 0) json.at("divisor").bad("a positive integer");
  return divisor;
}

Tensor read_tensor(const Value& json, const TensorShape& shape, Budget& budget) {
  require_one_form(json);
  const std::vector<std::size_t>& row_lengths = shape.lengths;
  Tensor tensor;
  std::size_t entries = 0;
  for (std::size_t length : row_lengths) {
    entries += length;
    if (entries > kMaxEntries) throw Malformed("shape", json.place() + ": more than 2^27 numbers");
  }
  // (An archive has a directory to be read.)
  budget.spend(Products(json.has("seeded") ? kSeededCost : 60) * entries + (json.has("npy") ? 5'000'000 : 0));
  if (json.has("fill")) {
    const mpq_class fill = json.at("fill").rational();
    budget.spend(Products::words(fill.get_num()) * entries);
    for (std::size_t length : row_lengths) tensor.rows.emplace_back(length, fill.get_num());
    tensor.divisor = fill.get_den();
  } else if (json.has("rows")) {
    tensor = read_tensor_rows(json.at("rows"), shape, budget);
  } else if (json.has("sparse")) {
    const SparseTensor sparse = read_sparse_tensor(json, shape, budget);
    tensor.divisor = sparse.divisor;
    for (std::size_t r = 0; r < row_lengths.size(); ++r) {
      auto& row = tensor.rows.emplace_back(row_lengths[r], 0);
      for (const auto& [position, v] : sparse.rows[r]) row[position] = v;
    }
  } else if (json.has("npy")) {
    const Value file = json.at("npy");
    const DataFile place = read_npy_place(file);
    const Layout layout = read_layout(file);
    file.note(in_words(place) + in_words(layout));
    Extents extents;
    const std::vector<mpq_class> values = read_npy(place, layout, extents, entries, budget);
    const Extents order = file_order(extents, layout, shape, json.place());
    for (const mpq_class& v : values) {
      budget.spend(500 + 4 * Products::words(tensor.divisor) * Products::words(v.get_num()));
      widen_divisor(tensor.divisor, v, json.place(), budget);
    }
    std::size_t from = 0;
    for (std::size_t length : row_lengths) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t c = 0; c < length; ++c) {
        const mpq_class& v = values[from + (order.empty() ? c : order[c])];
        row.push_back(v.get_num() * (tensor.divisor / v.get_den()));
      }
      from += length;
    }
    if (json.has("divisor")) tensor.divisor *= read_divisor(json);
  } else if (json.has("wide")) {
    const Value file = json.at("wide");
    const DataFile place = read_npy_place(file);
    file.note(in_words(place) + ", the bytes of integers");
    for (std::size_t length : row_lengths)
      if (length != row_lengths[0]) throw Malformed("shape", json.place() + ": rows of different length in an array");
    if (!row_lengths.empty()) tensor.rows = read_wide_npy(place, row_lengths.size(), row_lengths[0], budget);
    if (json.has("divisor")) tensor.divisor = read_divisor(json);
  } else if (json.has("seeded")) {
    const Value seeded = json.at("seeded");
    const auto bounded = [&](const char* key) {
      const mpz_class v = seeded.at(key).integer();
      if (abs(v) >= (mpz_class(1) << 62)) seeded.at(key).bad("an integer below 2^62");
      return static_cast<std::int64_t>(v.get_si());
    };
    const std::int64_t low = bounded("low"), high = bounded("high");
    if (low > high) seeded.bad("low <= high");
    const std::string name = read_name(seeded.at("name"));
    Seeded integers("tensor", seeded.at("seed").number(INT64_MAX), name, low, high);
    if (seeded.has("divisor")) tensor.divisor = seeded.at("divisor").integer();
    if (tensor.divisor <= 0) seeded.at("divisor").bad("a positive integer");
    const bool odd = seeded.has("odd") && seeded.at("odd").boolean();
    for (std::size_t r = 0; r < row_lengths.size(); ++r) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t c = 0; c < row_lengths[r]; ++c) row.emplace_back(static_cast<long>(integers.at(r, c)));
      if (odd)
        for (mpz_class& v : row) v = 2 * v + 1;
    }
  } else {
    json.bad("a tensor");
  }
  return tensor;
}

SparseTensor read_sparse_tensor(const Value& json, const TensorShape& shape, Budget& budget) {
  require_one_form(json);
  const std::vector<std::size_t>& row_lengths = shape.lengths;
  SparseTensor tensor;
  if (!json.has("sparse")) {
    const Tensor dense = read_tensor(json, shape, budget);
    tensor.divisor = dense.divisor;
    for (const auto& values : dense.rows) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t c = 0; c < values.size(); ++c)
        if (values[c] != 0) row.emplace_back(c, values[c]);
    }
    return tensor;
  }
  const auto rows = json.at("sparse").list();
  if (rows.size() != row_lengths.size()) json.at("sparse").bad("the number of rows of the tensor");
  std::vector<std::vector<mpq_class>> values(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    auto& row = tensor.rows.emplace_back();
    for (const Value& entry : rows[r].list()) {
      const auto pair = entry.list();
      if (pair.size() != 2) entry.bad("[position, value]");
      const std::size_t position = pair[0].number(row_lengths[r] - 1);
      if (!row.empty() && position <= row.back().first) entry.bad("increasing positions");
      values[r].push_back(pair[1].rational());
      row.emplace_back(position, 0);
      widen_divisor(tensor.divisor, values[r].back(), json.place(), budget);
    }
  }
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t k = 0; k < values[r].size(); ++k)
      tensor.rows[r][k].second = values[r][k].get_num() * (tensor.divisor / values[r][k].get_den());
  return tensor;
}

TensorShape weights_shape(const Node& node) {
  TensorShape shape{{}, node.patch_image};
  for (std::size_t bank = 0; bank < node.patches.banks(); ++bank)
    shape.lengths.insert(shape.lengths.end(), node.filters, node.patches.length(bank));
  return shape;
}

TensorShape bias_shape(const Node& node) {
  if (node.bias == Bias::none) return {};
  if (node.bias == Bias::neuron) return {{node.width}, node.shape};
  return {{node.patches.banks() * node.filters}};
}

std::size_t pool_length(const Node& node) {
  const std::size_t length = node.patches.entries()[0].size();
  for (const auto& entries : node.patches.entries())
    require(entries.size() == length, "unsupported", "pooling over patches of unequal length");
  return length;
}

Network::Network(const Value& json, Budget& budget) {
  const auto tensor = [&](const Value& value, const TensorShape& shape) {
    return std::make_shared<const Tensor>(read_tensor(value, shape, budget));
  };
  const Value input = json.at("input");
  Node first;
  first.name = read_name(input.at("name"));
  for (const Value& extent : input.at("shape").list()) first.shape.push_back(extent.number(kMaxEntries));
  if (first.shape.empty() || first.shape.size() > 3) input.at("shape").bad("1 to 3 extents");
  first.width = checked_product(first.shape, input.place());
  (*names_)[first.name] = 0;
  *numbers_ = first.width;
  nodes_.push_back(std::make_shared<const Node>(std::move(first)));

  for (const Value& item : json.at("nodes").list()) {
    Node node;
    node.name = read_name(item.at("name"));
    if (item.has("inputs"))
      for (const Value& name : item.at("inputs").list()) node.inputs.push_back(find(name.text()));
    else
      node.inputs = {item.has("input") ? find(item.at("input").text()) : nodes_.size() - 1};
    const std::string op = item.at("op").text();
    const bool joins = op == "sum" || op == "concat";
    if (op == "select" ? node.inputs.empty() : joins ? node.inputs.size() < 2 : node.inputs.size() != 1)
      throw Malformed("shape", item.place() + ": the wrong number of inputs");
    links_ += node.inputs.size();
    const Node& from = *nodes_[node.inputs[0]];
    if (op == "conv1d" || op == "conv2d" || op == "dense" || op == "linear") {
      read_linear(node, item, op, from, numbers_);
      node.width = checked_product(node.shape, item.place());  // the bias may have this length
      if (item.has("frozen-weights")) node.frozen_weights = tensor(item.at("frozen-weights"), weights_shape(node));
      if (item.has("frozen-bias")) {
        if (node.bias == Bias::none) item.at("frozen-bias").bad("a layer with a bias");
        node.frozen_bias = tensor(item.at("frozen-bias"), bias_shape(node));
      }
    } else if (op == "activation") {
      node.op = Op::activation;
      node.activation = read_activation(item);
      node.shape = from.shape;
    } else if (op == "maxpool" || op == "maxpool1d" || op == "maxpool2d" || op == "avgpool" || op == "avgpool1d" ||
               op == "avgpool2d") {
      read_pool(node, item, op, from, numbers_);
    } else if (op == "reshape") {
      read_reshape(node, item, from, *numbers_);
    } else if (op == "sum") {
      node.op = Op::sum;
      node.shape = from.shape;
      for (std::size_t i : node.inputs)
        if (nodes_[i]->shape != node.shape) throw Malformed("shape", item.place() + ": unequal shapes");
    } else if (op == "concat") {
      node.op = Op::concat;
      node.shape = from.shape;
      node.shape.back() = 0;
      for (std::size_t i : node.inputs) {
        std::vector<std::size_t> shape = nodes_[i]->shape;
        node.channels.push_back(shape.back());
        node.before.push_back(node.shape.back());
        node.shape.back() += shape.back();
        shape.back() = node.shape.back();
        if (shape != node.shape) throw Malformed("shape", item.place() + ": unequal shapes");
      }
    } else if (op == "select") {
      read_select(node, item, nodes_, *numbers_, budget);
    } else if (op == "batchnorm") {
      node.op = Op::batch_norm;
      node.shape = from.shape;
      bool each = false;
      if (item.has("per")) {
        each = item.at("per").text() == "neuron";
        if (!each && item.at("per").text() != "channel") item.at("per").bad("channel or neuron");
      }
      const std::size_t length = each ? from.width : node.shape.back();
      node.scale = tensor(item.at("scale"), {{length}});
      node.shift = tensor(item.at("shift"), {{length}});
    } else {
      item.at("op").bad("an operation of version 1");
    }
    node.width = checked_product(node.shape, item.place());
    *numbers_ += node.width;
    if (node.patches.window() == nullptr)  // windows are counted when they are expanded
      for (const auto& entries : node.patches.entries()) *numbers_ += entries.size();
    if (*numbers_ > kMaxEntries)
      throw Malformed("too-large", item.place() + ": a network of more than 2^27 neurons and patch entries");
    if (!names_->emplace(node.name, nodes_.size()).second)
      throw Malformed("shape", item.place() + ": the name is taken");
    nodes_.push_back(std::make_shared<const Node>(std::move(node)));
  }
}

std::size_t Network::find(const std::string& name) const {
  const auto found = names_->find(name);
  if (found == names_->end()) throw Malformed("no-such-node", "there is no layer \"" + name.substr(0, 100) + "\"");
  return found->second;
}

Network Network::part(std::size_t from, std::size_t to) const {
  Network rest;
  std::map<std::size_t, std::size_t> place{{from, 0}};
  Node first;
  first.name = nodes_[from]->name;
  first.shape = nodes_[from]->shape;
  first.width = nodes_[from]->width;
  rest.nodes_.push_back(std::make_shared<const Node>(std::move(first)));
  // What lies below the target without passing through the first node.
  std::vector<bool> needed(to + 1, false);
  needed[to] = true;
  for (std::size_t i = to + 1; i-- > from + 1;)
    if (needed[i])
      for (std::size_t input : nodes_[i]->inputs) needed[input] = true;
  for (std::size_t i = 0; i < from; ++i)
    require(!needed[i], "not-a-chain", "layer " + nodes_[i]->name + " leads past layer " + nodes_[from]->name);
  require(needed[from], "not-a-chain", "layer " + nodes_[to]->name + " is not above layer " + nodes_[from]->name);
  for (std::size_t i = from + 1; i <= to; ++i) {
    if (!needed[i]) continue;
    auto node = std::make_shared<Node>(*nodes_[i]);
    for (std::size_t& input : node->inputs) input = place.at(input);
    place[i] = rest.nodes_.size();
    rest.links_ += node->inputs.size();
    rest.nodes_.push_back(std::move(node));
  }
  for (std::size_t i = 0; i < rest.nodes_.size(); ++i) rest.names_->emplace(rest.nodes_[i]->name, i);
  rest.numbers_ = numbers_;
  return rest;
}

Node& Network::change(std::size_t i) {
  auto node = std::make_shared<Node>(*nodes_[i]);
  nodes_[i] = node;
  return *node;
}

void Network::charge(Budget& budget) const {
  budget.spend(2000 * (Products(nodes_.size()) + links_) + 5 * Products(*numbers_));
}

std::vector<std::size_t> Network::below(std::size_t target) const {
  std::vector<bool> needed(target + 1, false);
  needed[target] = true;
  for (std::size_t i = target + 1; i-- > 0;) {
    if (!needed[i]) continue;
    for (std::size_t input : nodes_[i]->inputs) needed[input] = true;
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i <= target; ++i)
    if (needed[i]) order.push_back(i);
  return order;
}

bool Network::dense(std::size_t i) const {
  const Node& node = *nodes_[i];
  if (node.op != Op::linear || node.patches.count() != 1) return false;
  std::vector<long> entries;
  node.patches.expand(0, entries);
  if (entries.size() != nodes_[node.inputs[0]]->width) return false;
  for (std::size_t k = 0; k < entries.size(); ++k)
    if (entries[k] != static_cast<long>(k)) return false;
  return true;
}

std::size_t Network::filter_of(std::size_t i, std::size_t neuron) const {
  const Node& node = *nodes_[i];
  return node.patches.bank(neuron / node.filters) * node.filters + neuron % node.filters;
}

std::size_t Network::bias_of(std::size_t i, std::size_t neuron) const {
  return nodes_[i]->bias == Bias::neuron ? neuron : filter_of(i, neuron);
}

}  // namespace widecheck
