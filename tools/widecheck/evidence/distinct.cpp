#include "evidence/distinct.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <set>

#include "evaluate/features.h"
#include "kernel/digest.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// For looking at every patch of every sample, number by number, and for finding it in a tree of so many.
void pay_for_patches(const Context& c, const Node& node, std::size_t tree = 1) {
  const int depth = std::bit_width(tree);
  const Products one = 300 * (1 + depth) + (250 + 20 * depth) * Products(node.patches.longest()) * c.data.words();
  c.budget.spend(one * node.patches.count() * c.data.size());
}

}  // namespace

const Node& first_patches(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  require(node.patches.count() != 0 && node.inputs == std::vector<std::size_t>{0}, "layer-kind",
          "layer " + node.name + " does not read the data by patches");
  return node;
}

void require_distinct_patches(const Context& c, std::size_t i, bool at_one_place) {
  const Node& node = first_patches(c, i);
  pay_for_patches(c, node);  // digests
  if (c.data.size() > (std::size_t{1} << 27) / node.patches.count())
    throw Malformed("too-large", "more than 2^27 patches to compare; refused");
  // Different digests mean different patches, whatever one believes of SHA-256; equal digests of
  // different samples are not accepted.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> digests;
  Sha256 hash;
  c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
    for (std::size_t p = 0; p < node.patches.count(); ++p) {
      std::string text = at_one_place ? number(p) + ":" : "";
      for (const mpz_class& v : node.patches.content(p, x)) text += v.get_str() + ",";
      hash.update(text);
      const std::string digest = hash.finish();
      std::uint64_t word = 0;
      for (int b = 0; b < 8; ++b) word = word << 8 | static_cast<unsigned char>(digest[b]);
      digests.emplace_back(word, static_cast<std::uint32_t>(sample));
    }
  });
  std::sort(digests.begin(), digests.end());
  for (std::size_t k = 1; k < digests.size(); ++k) {
    require(digests[k].first != digests[k - 1].first || digests[k].second == digests[k - 1].second, "patches-collide",
            "samples " + number(digests[k - 1].second + 1) + " and " + number(digests[k].second + 1) +
                " share a patch of layer " + node.name);
  }
}

std::vector<std::size_t> count_contents(const Context& c, std::size_t i, std::size_t most) {
  const Node& node = c.network.node(i);
  pay_for_patches(c, node, std::min(most, c.data.size()));
  std::vector<std::set<std::vector<mpz_class>>> contents(node.patches.count());
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    for (std::size_t p = 0; p < contents.size(); ++p)
      if (contents[p].size() < most) contents[p].insert(node.patches.content(p, x));
  });
  std::vector<std::size_t> counts;
  for (const auto& of_patch : contents) counts.push_back(of_patch.size());
  return counts;
}

std::size_t count_classes(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  pay_for_patches(c, node, node.patches.count());
  std::vector<std::size_t> cls;
  for (std::size_t p = 0; p < node.patches.count(); ++p) cls.push_back(node.patches.bank(p));
  std::size_t classes = 0;
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    std::map<std::pair<std::size_t, std::vector<mpz_class>>, std::size_t> refined;
    for (std::size_t p = 0; p < cls.size(); ++p)
      cls[p] = refined.emplace(std::pair(cls[p], node.patches.content(p, x)), refined.size()).first->second;
    classes = refined.size();
  });
  return classes;
}

}  // namespace widecheck
