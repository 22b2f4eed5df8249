#include <widecert/data/patch_distinctness.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>

namespace widecert {
namespace {

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {  // the finaliser of SplitMix64, chained
  h ^= v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

std::uint64_t hash_of(const Integer& value) {
  std::uint64_t h = value < 0 ? 1 : 2;
  const auto* z = value.backend().data();
  for (std::size_t limb = 0; limb < mpz_size(z); ++limb) {
    h = mix(h, mpz_getlimbn(z, static_cast<mp_size_t>(limb)));
  }
  return h;
}

// Continues the hash h with the values of a patch on one sample.
std::uint64_t hash_entries(const Dataset& data, std::size_t sample, const std::vector<std::int64_t>& entries,
                           std::uint64_t h) {
  const std::vector<std::int64_t>* small = data.small_numerators();
  for (std::int64_t e : entries) {
    if (small != nullptr) {
      h = mix(h, e == kPadding ? 0 : static_cast<std::uint64_t>((*small)[sample * data.width() + e]));
    } else {
      h = mix(h, hash_of(e == kPadding ? Integer(0) : data.numerator(sample, e)));
    }
  }
  return h;
}

class Patches {
 public:
  Patches(const Dataset& data, const PatchLayout& layout) : data_(data), count_(layout.count()) {
    for (std::size_t p = 0; p < count_; ++p) entries_.push_back(layout.entries(p));
  }

  std::uint64_t hash(std::size_t id) const {
    const auto& entries = entries_[id % count_];
    return hash_entries(data_, id / count_, entries, entries.size());
  }

  bool equal(std::size_t a, std::size_t b) const {
    const auto& x = entries_[a % count_];
    const auto& y = entries_[b % count_];
    if (x.size() != y.size()) return false;
    for (std::size_t r = 0; r < x.size(); ++r) {
      const Integer u = x[r] == kPadding ? Integer(0) : data_.numerator(a / count_, x[r]);
      const Integer v = y[r] == kPadding ? Integer(0) : data_.numerator(b / count_, y[r]);
      if (u != v) return false;
    }
    return true;
  }

 private:
  const Dataset& data_;
  std::size_t count_;
  std::vector<std::vector<std::int64_t>> entries_;
};

// The first collision among the patches with ids first, first + stride, ... (an id is i * count + p).
std::optional<PatchCollision> first_collision(const Patches& patches, std::size_t count, std::size_t first_id,
                                              std::size_t stride, std::size_t number) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keys(number);
  for (std::size_t k = 0; k < number; ++k) {
    const std::size_t id = first_id + k * stride;
    keys[k] = {patches.hash(id), id};
  }
  std::sort(keys.begin(), keys.end());

  std::optional<PatchCollision> first;
  const auto offer = [&](std::size_t a, std::size_t b) {
    const PatchCollision c{a / count, a % count, b / count, b % count};
    if (!first || std::tie(c.i, c.p, c.j, c.q) < std::tie(first->i, first->p, first->j, first->q)) {
      first = c;
    }
  };
  for (std::size_t start = 0; start < keys.size();) {
    std::size_t end = start + 1;
    while (end < keys.size() && keys[end].first == keys[start].first) ++end;
    // Ids ascend within a run. One representative per distinct content (nearly always one).
    std::vector<std::size_t> representatives;
    for (std::size_t k = start; k < end; ++k) {
      const std::size_t id = keys[k].second;
      const auto same = std::find_if(representatives.begin(), representatives.end(),
                                     [&](std::size_t r) { return patches.equal(r, id); });
      if (same == representatives.end()) {
        representatives.push_back(id);
      } else if (*same / count != id / count) {
        offer(*same, id);
      }
    }
    start = end;
  }
  return first;
}

void require_fit(const Dataset& data, const PatchLayout& layout) {
  if (layout.inputs() != data.width()) {
    throw ShapeError("samples of " + std::to_string(data.width()) + " features for a layer with " +
                     std::to_string(layout.inputs()) + " inputs");
  }
}

}  // namespace

std::optional<PatchCollision> find_patch_collision(const Dataset& data, const PatchLayout& layout) {
  require_fit(data, layout);
  const std::size_t count = layout.count();
  return first_collision(Patches(data, layout), count, 0, 1, data.size() * count);
}

std::optional<PatchCollision> find_repeated_patch(const Dataset& data, const PatchLayout& layout) {
  require_fit(data, layout);
  const Patches patches(data, layout);
  const std::size_t count = layout.count();
  for (std::size_t p = 0; p < count; ++p) {
    if (auto collision = first_collision(patches, count, p, count, data.size())) return collision;
  }
  return std::nullopt;
}

std::uint64_t hash_over_samples(const Dataset& data, const std::vector<std::int64_t>& entries) {
  std::uint64_t h = entries.size();
  for (std::size_t i = 0; i < data.size(); ++i) h = hash_entries(data, i, entries, h);
  return h;
}

std::size_t count_contents(const Dataset& data, const std::vector<std::int64_t>& entries, std::size_t most) {
  std::set<std::vector<Integer>> contents;
  std::unordered_set<std::uint64_t> hashes;  // equal contents are met far more often than new ones
  for (std::size_t i = 0; i < data.size() && contents.size() < most; ++i) {
    if (!hashes.insert(hash_entries(data, i, entries, 0)).second) continue;
    std::vector<Integer> content;
    for (std::int64_t e : entries) {
      content.push_back(e == kPadding ? Integer(0) : data.numerator(i, static_cast<std::size_t>(e)));
    }
    contents.insert(std::move(content));
  }
  return contents.size();
}

std::optional<std::pair<std::size_t, std::size_t>> find_equal_samples(const Dataset& data) {
  const auto collision = find_patch_collision(data, PatchLayout::full(data.width()));
  if (!collision) return std::nullopt;
  return std::pair(collision->i, collision->j);
}

}  // namespace widecert
