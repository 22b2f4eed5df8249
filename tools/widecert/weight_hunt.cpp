#include "weight_hunt.h"
#include <fmt/format.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace widecert {
namespace {

using Tuple = std::vector<int>;
using Structure = std::vector<Tuple>;  // sorted

// All l-tuples of different neurons, in order.
std::vector<Tuple> all_tuples(std::size_t neurons, std::size_t length) {
  std::vector<Tuple> tuples;
  Tuple tuple;
  const auto extend = [&](auto&& self) -> void {
    if (tuple.size() == length) {
      tuples.push_back(tuple);
      return;
    }
    for (int neuron = 0; static_cast<std::size_t>(neuron) < neurons; ++neuron) {
      if (std::find(tuple.begin(), tuple.end(), neuron) != tuple.end()) continue;
      tuple.push_back(neuron);
      self(self);
      tuple.pop_back();
    }
  };
  extend(extend);
  return tuples;
}

bool covers(const Structure& structure, std::size_t neurons) {
  unsigned seen = 0;
  for (const Tuple& tuple : structure)
    for (int neuron : tuple) seen |= 1u << neuron;
  return seen + 1 == 1u << neurons;
}

// Whether no renaming of neurons and permutation of positions gives a smaller list. The renaming
// may be taken from the patch that becomes the first, (1, ..., l), and from an order of the rest.
bool is_least(const Structure& structure, std::size_t neurons) {
  const std::size_t length = structure[0].size();
  Structure image(structure.size(), Tuple(length));
  std::vector<std::size_t> position(length);
  for (const Tuple& first : structure) {
    std::iota(position.begin(), position.end(), std::size_t{0});
    do {
      Tuple rest;
      for (int neuron = 0; static_cast<std::size_t>(neuron) < neurons; ++neuron) {
        if (std::find(first.begin(), first.end(), neuron) == first.end()) rest.push_back(neuron);
      }
      do {
        std::array<int, 9> name{};
        for (std::size_t r = 0; r < length; ++r) name[first[position[r]]] = static_cast<int>(r);
        for (std::size_t r = 0; r < rest.size(); ++r) {
          name[rest[r]] = static_cast<int>(length + r);
        }
        for (std::size_t p = 0; p < structure.size(); ++p) {
          for (std::size_t r = 0; r < length; ++r) image[p][r] = name[structure[p][position[r]]];
        }
        std::sort(image.begin(), image.end());
        if (image < structure) return false;
      } while (std::next_permutation(rest.begin(), rest.end()));
    } while (std::next_permutation(position.begin(), position.end()));
  }
  return true;
}

HuntCandidate make_candidate(const Structure& structure, std::size_t neurons, std::size_t filters) {
  PatchListSpec list;
  list.filters = filters;
  std::string text;
  for (const Tuple& tuple : structure) {
    Patch patch;
    if (!text.empty()) text += '.';
    for (int neuron : tuple) {
      patch.entries.push_back(neuron);
      text += static_cast<char>('1' + neuron);
    }
    list.patches.push_back(std::move(patch));
  }
  LinearSpec linear;
  linear.form = std::move(list);
  linear.bias = BiasMode::none;
  Architecture network("x", {neurons});
  network.add("layer", linear, {"x"});
  std::string commas = text;
  for (std::size_t at = 0; (at = commas.find('.', at)) != std::string::npos; at += 2) {
    commas.replace(at, 1, ", ");
  }
  return {fmt::format("n{}-T{}-{}", neurons, filters, text),
          fmt::format("{} neurons, patches {}, {} filter(s)", neurons, commas, filters),
          std::move(network),
          {{"neurons", neurons}, {"length", structure[0].size()}, {"patches", structure.size()}, {"filters", filters}}};
}

std::uint64_t tuples_of(std::uint64_t neurons, std::uint64_t length) {
  std::uint64_t count = 1;
  for (std::uint64_t i = 0; i < length; ++i) count *= neurons - i;
  return count;
}

void check_bounds(const StructureBounds& bounds) {
  if (bounds.neurons > 9) throw InputError("patch structures of at most 9 neurons are searched");
}

// Visits the structure with every number of filters, if it is one.
void visit_structure(const Structure& structure, std::size_t neurons, const StructureBounds& bounds,
                     const HuntCallbacks& callbacks) {
  for (std::size_t t = 1; t <= std::min(structure[0].size(), bounds.filters); ++t) {
    callbacks.visit(make_candidate(structure, neurons, t));
  }
}

}  // namespace

std::uint64_t count_structures(const StructureBounds& bounds) {
  check_bounds(bounds);
  std::uint64_t total = 0;
  for (std::uint64_t n = 1; n <= bounds.neurons; ++n) {
    for (std::uint64_t l = 1; l <= std::min<std::uint64_t>(bounds.length, n); ++l) {
      const std::uint64_t tuples = tuples_of(n, l);
      for (std::uint64_t p = 1; p <= std::min<std::uint64_t>(bounds.patches, tuples); ++p) {
        total += binomial(tuples - 1, p - 1);
      }
    }
  }
  return total;
}

void hunt_structures(const StructureBounds& bounds, const HuntSlice& slice, const HuntCallbacks& callbacks) {
  check_bounds(bounds);
  std::uint64_t position = 0;
  for (std::size_t n = 1; n <= bounds.neurons; ++n) {
    for (std::size_t l = 1; l <= std::min(bounds.length, n); ++l) {
      const std::vector<Tuple> tuples = all_tuples(n, l);
      for (std::size_t p = 1; p <= std::min(bounds.patches, tuples.size()); ++p) {
        // The least of a class has the first tuple: the others are a subset of the rest.
        const std::uint64_t block = binomial(tuples.size() - 1, p - 1);
        if (position + block <= slice.from) {
          position += block;
          continue;
        }
        std::vector<std::size_t> chosen(p);
        std::iota(chosen.begin(), chosen.end(), std::size_t{0});
        for (bool more = true; more; ++position) {
          if (slice.has(position)) {
            callbacks.tick(position);
            Structure structure;
            for (std::size_t k : chosen) structure.push_back(tuples[k]);
            if (covers(structure, n) && is_least(structure, n)) {
              visit_structure(structure, n, bounds, callbacks);
            }
          }
          // The next subset in lexicographic order.
          std::size_t k = p;
          while (k > 1 && chosen[k - 1] == tuples.size() - p + k - 1) --k;
          more = k > 1;
          if (!more) continue;
          ++chosen[k - 1];
          for (; k < p; ++k) chosen[k] = chosen[k - 1] + 1;
        }
      }
    }
  }
  callbacks.tick(position);
}

void hunt_random_structures(const StructureBounds& bounds, std::uint64_t seed, std::uint64_t count,
                            const HuntSlice& slice, const HuntCallbacks& callbacks) {
  check_bounds(bounds);
  SeededIntegers random("hunt", seed, "structure", 0, (std::int64_t{1} << 62) - 1);
  for (std::uint64_t position = slice.from; position < count; ++position) {
    callbacks.tick(position);
    if (!slice.has(position)) continue;
    std::uint64_t draws = 0;
    const auto draw = [&](std::size_t low, std::size_t high) {
      return low + static_cast<std::size_t>(random.at(position, draws++)) % (high - low + 1);
    };
    const std::size_t n = draw(1, bounds.neurons), l = draw(1, std::min(bounds.length, n)), p = draw(1, bounds.patches),
                      t = draw(1, std::min(l, bounds.filters));
    std::set<Tuple> tuples;
    for (std::size_t k = 0; k < p; ++k) {
      Tuple neurons(n);
      std::iota(neurons.begin(), neurons.end(), 0);
      for (std::size_t r = 0; r < l; ++r) std::swap(neurons[r], neurons[draw(r, n - 1)]);
      tuples.emplace(neurons.begin(), neurons.begin() + static_cast<std::ptrdiff_t>(l));
    }
    const Structure structure(tuples.begin(), tuples.end());
    if (covers(structure, n)) callbacks.visit(make_candidate(structure, n, t));
  }
  callbacks.tick(count);
}

std::uint64_t count_convolutions(const ConvolutionBounds& b) {
  std::uint64_t sizes = 0;
  for (std::size_t n = 1; n <= b.image; ++n) sizes += std::min(b.size, n);
  return sizes * b.channels * b.filters * b.stride;
}

void hunt_convolutions(const ConvolutionBounds& b, const HuntSlice& slice, const HuntCallbacks& callbacks) {
  std::uint64_t position = 0;
  for (std::size_t n = 1; n <= b.image; ++n) {
    for (std::size_t s = 1; s <= std::min(b.size, n); ++s) {
      for (std::size_t stride = 1; stride <= b.stride; ++stride) {
        for (std::size_t c = 1; c <= b.channels; ++c) {
          for (std::size_t t = 1; t <= b.filters; ++t, ++position) {
            if (!slice.has(position)) continue;
            callbacks.tick(position);
            const bool flat = b.dimensions == 1;
            ConvSpec conv;
            conv.window.dimensions = b.dimensions;
            conv.window.size = {flat ? 1 : s, s};
            conv.window.stride = {flat ? 1 : stride, stride};
            if (b.same_padding) conv.window.padding.kind = Padding::Kind::same;
            conv.filters = t;
            LinearSpec linear;
            linear.form = conv;
            linear.bias = BiasMode::none;
            Architecture network("x", flat ? Shape{n, c} : Shape{n, n, c});
            network.add("layer", linear, {"x"});
            // The remark supposes that patches cover the image and differ.
            const PatchLayout& layout = *network.node(1).patches;
            std::vector<bool> seen(layout.inputs(), false);
            std::set<std::vector<std::int64_t>> different;
            for (std::size_t p = 0; p < layout.count(); ++p) {
              const std::vector<std::int64_t> entries = layout.entries(p);
              for (std::int64_t e : entries)
                if (e != kPadding) seen[static_cast<std::size_t>(e)] = true;
              different.insert(entries);
            }
            if (std::find(seen.begin(), seen.end(), false) != seen.end()) continue;
            if (different.size() != layout.count()) continue;
            callbacks.visit(
                {fmt::format("conv{}d-C{}-T{}-s{}-n{}{}{}", b.dimensions, c, t, s, n,
                             stride == 1 ? "" : fmt::format("-stride{}", stride), b.same_padding ? "-same" : ""),
                 fmt::format("{}-D convolution, {} channel(s), {} filter(s) of size {}, image {}{}{}", b.dimensions, c,
                             t, s, n, stride == 1 ? "" : fmt::format(", stride {}", stride),
                             b.same_padding ? ", same padding" : ""),
                 std::move(network),
                 {{"channels", c}, {"filters", t}, {"size", s}, {"image", n}, {"stride", stride}}});
          }
        }
      }
    }
  }
  callbacks.tick(position);
}

std::size_t probable_rank(const HuntCandidate& candidate, std::uint64_t seed) {
  const SeededTensor filters{"layer", seed, 1, static_cast<std::int64_t>(kRankPrime) - 1, 1, false};
  return sparse_rank(sparse_weight_matrix(candidate.network, 1, filters, kRankPrime), 1e12).rank;
}

}  // namespace widecert
