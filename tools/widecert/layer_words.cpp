#include "layer_words.h"

#include <fmt/format.h>
#include <widecert/number/error.h>

#include <map>
#include <sstream>

namespace widecert::tool {
namespace {

// A word, taken apart at its colons.
struct Word {
  std::string text;
  std::vector<std::string> parts;

  explicit Word(const std::string& word) : text(word) {
    std::istringstream fields(word);
    for (std::string part; std::getline(fields, part, ':');) parts.push_back(part);
    if (parts.empty()) parts.push_back(word);
  }
  const std::string& op() const { return parts[0]; }
  [[noreturn]] void fail(const std::string& why) const { throw InputError("--layers: \"" + text + "\" " + why); }
  std::size_t number(const std::string& digits) const {
    if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos)
      fail("has \"" + digits + "\", which is not a number of at most 9 digits");
    return static_cast<std::size_t>(std::stoul(digits));
  }
  // 1 dimension: a number; 2: HxW.
  std::array<std::size_t, 2> extents(const std::string& part, int dimensions) const {
    if (dimensions == 1) return {1, number(part)};
    const auto cross = part.find('x');
    if (cross == std::string::npos) fail("needs HEIGHTxWIDTH, for example 3x3");
    return {number(part.substr(0, cross)), number(part.substr(cross + 1))};
  }
};

LinearSpec convolution(const Word& word, int dimensions) {
  ConvSpec conv;
  conv.window.dimensions = dimensions;
  conv.window.size = word.extents(word.parts[1], dimensions);
  conv.filters = word.number(word.parts[2]);
  for (std::size_t k = 3; k < word.parts.size(); ++k) {
    const std::string& part = word.parts[k];
    if (part == "same") {
      conv.window.padding.kind = Padding::Kind::same;
    } else if (part.starts_with("stride")) {
      const std::size_t stride = word.number(part.substr(6));
      conv.window.stride = {dimensions == 1 ? 1 : stride, stride};
    } else if (part.starts_with("pad")) {
      const std::size_t pad = word.number(part.substr(3));
      conv.window.padding.kind = Padding::Kind::given;
      conv.window.padding.amount = {dimensions == 1 ? 0 : pad, pad, dimensions == 1 ? 0 : pad, pad};
    } else if (part.starts_with("groups")) {
      conv.groups = word.number(part.substr(6));
      if (conv.groups == 0) word.fail("needs a positive number of groups");
    } else {
      word.fail("may have \"same\" or \"pad1\", \"stride2\" and \"groups2\" after the filters");
    }
  }
  LinearSpec linear;
  linear.form = conv;
  return linear;
}

PoolSpec pool(const Word& word, PoolSpec::Kind kind, int dimensions) {
  WindowSpec window;
  window.dimensions = dimensions;
  window.size = window.stride = word.extents(word.parts[1], dimensions);
  for (std::size_t k = 2; k < word.parts.size(); ++k) {
    if (!word.parts[k].starts_with("stride")) word.fail("may have \"stride2\" after the size");
    const std::size_t stride = word.number(word.parts[k].substr(6));
    window.stride = {dimensions == 1 ? 1 : stride, stride};
  }
  return {kind, window};
}

}  // namespace

std::string layer_words() {
  std::string activations;
  for (ActivationKind kind : all_activation_kinds()) {
    if (kind == ActivationKind::leaky_relu) continue;
    activations += (activations.empty() ? "" : " ") + std::string(facts(kind).name);
  }
  return "Words of --layers, from the input on:\n"
         "  conv2d:HxW:FILTERS   then optional :same or :padP (padding), :strideS, :groupsG\n"
         "                       (:same with a stride is not PyTorch's padding=1, which is :pad1)\n"
         "  conv1d:W:FILTERS     likewise, over [length, channels]\n"
         "  dense:NEURONS\n"
         "  maxpool2d:HxW  maxpool1d:W  avgpool2d:HxW  avgpool1d:W   moving by their size, or :strideS\n"
         "  batchnorm:EPSILON    only for widecert import (default 1/100000)\n"
         "  leaky-relu:SLOPE     for example leaky-relu:1/100\n"
         "  " +
         activations;
}

void add_layers(Architecture& network, const std::string& line, BiasMode bias, std::map<std::string, double>* epsilon) {
  std::istringstream words(line);
  std::string text, previous = network.node(0).name;
  std::map<std::string, int> counts;
  while (words >> text) {
    const Word word(text);
    const std::string& op = word.op();
    const int dimensions = op.ends_with("1d") ? 1 : 2;
    std::string stem = op;
    NodeSpec spec;
    if ((op == "conv2d" || op == "conv1d") && word.parts.size() >= 3) {
      LinearSpec linear = convolution(word, dimensions);
      linear.bias = bias;
      spec = linear;
      stem = "conv";
    } else if (op == "dense" && word.parts.size() == 2) {
      LinearSpec linear;
      linear.form = DenseSpec{word.number(word.parts[1])};
      linear.bias = bias;
      spec = linear;
    } else if ((op == "maxpool2d" || op == "maxpool1d") && word.parts.size() >= 2) {
      spec = pool(word, PoolSpec::Kind::max, dimensions);
      stem = "pool";
    } else if ((op == "avgpool2d" || op == "avgpool1d") && word.parts.size() >= 2) {
      spec = pool(word, PoolSpec::Kind::average, dimensions);
      stem = "pool";
    } else if (op == "batchnorm" && word.parts.size() <= 2) {
      if (epsilon == nullptr) word.fail("has numbers of its own, which widecert import takes from a trained model");
      spec = BatchNormSpec{FillTensor{1}, FillTensor{0}};
      stem = "norm";
      (*epsilon)[stem + std::to_string(counts[stem] + 1)] =
          word.parts.size() == 2 ? parse_rational(word.parts[1]).convert_to<double>() : 1e-5;
    } else if (const auto kind = activation_by_name(op);
               kind && word.parts.size() == (*kind == ActivationKind::leaky_relu ? 2u : 1u)) {
      spec = ActivationSpec{{*kind, word.parts.size() == 2 ? parse_rational(word.parts[1]) : Rational(1)}};
    } else {
      word.fail(
          "is not understood; write for example \"conv2d:3x3:50:same:stride2 sigmoid maxpool2d:2x2 dense:2000 "
          "leaky-relu:1/100\" (widecert init --help lists the words)");
    }
    const std::string name = stem + std::to_string(++counts[stem]);
    network.add(name, spec, {previous});
    previous = name;
  }
}

}  // namespace widecert::tool
