// A network at a point, written as an ONNX model.
#include "onnx_file.h"

#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/import/onnx_write.h>
#include <widecert/network/ln2_values.h>

#include <algorithm>

namespace widecert::tool {

std::string write_onnx_file(const std::string& path, const Architecture& network, const PointSpec& point,
                            std::size_t node) {
  for (const auto& [name, tensors] : point) node = std::max(node, network.index_of(name));
  std::size_t rounded = 0;
  const auto rational = [&](const Ln2& v) -> Rational {
    if (v.is_rational()) return v.constant();
    ++rounded;
    return exactly(v.near_double());
  };
  const Parameters<Rational> theta =
      transformed(ln2_parameters(network, point_below(network, point, node), node), rational);
  const WrittenModel model = write_onnx(network, theta, node);
  write_atomically(path, model.bytes);
  std::string said = fmt::format("an ONNX model in {} of F({})", model.type, network.node(node).name);
  if (rounded != 0) said += fmt::format("; {} multiples of ln 2 are rounded to float64", rounded);
  for (const std::string& note : model.notes) said += "; " + note;
  return said;
}

}  // namespace widecert::tool
