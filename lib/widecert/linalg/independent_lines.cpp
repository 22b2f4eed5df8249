#include <widecert/linalg/independent_lines.h>
#include <widecert/linalg/nmod.h>
#include <widecert/number/parallel.h>

#include <algorithm>

namespace widecert {

std::vector<std::size_t> independent_positions(const ResidueLines& lines, std::uint64_t prime) {
  if (lines.empty()) return {};
  Nmod a(lines.size(), lines.front().size(), prime);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t j = 0; j < lines[i].size(); ++j) {
      a.at(i, j) = lines[i][j];
    }
  }
  return a.reduce();
}

std::vector<std::size_t> independent_lines(
    std::size_t count, std::size_t length, std::uint64_t prime, double most_products,
    const std::function<void(std::size_t line, std::span<std::uint32_t> out)>& write) {
  const std::size_t block = length + 64, steps = (count + block - 1) / block;
  std::vector<std::size_t> found;
  ResidueLines kept;
  double products = 0;
  for (std::size_t first = 0; first < steps && found.size() < length; ++first) {
    std::vector<std::size_t> places = found;
    for (std::size_t line = first; line < count; line += steps) places.push_back(line);
    products += static_cast<double>(length) * static_cast<double>(length) * static_cast<double>(places.size());
    if (products > most_products) break;
    ResidueLines lines = std::move(kept);
    lines.resize(places.size());
    parallel_for(places.size() - found.size(), [&](std::size_t k) {
      auto& line = lines[found.size() + k];
      line.resize(length);
      write(places[found.size() + k], line);
    });
    Nmod across(length, places.size(), prime);
    for (std::size_t k = 0; k < places.size(); ++k) {
      for (std::size_t j = 0; j < length; ++j) {
        across.at(j, k) = lines[k][j];
      }
    }
    found.clear();
    kept.clear();
    for (std::size_t k : across.reduce()) {
      found.push_back(places[k]);
      kept.push_back(std::move(lines[k]));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace widecert
