// A network of ours at given parameters as an ONNX model, for runtimes of others.
#pragma once

#include <widecert/network/forward.h>

#include <string>
#include <vector>

namespace widecert {

struct WrittenModel {
  std::string bytes;               // opset 13
  std::string type;                // "float32" if every number is one, else "float64"
  std::vector<std::string> notes;  // what was rounded
};
// Input "x": samples with channels first, as frameworks have them; output "features": the values of `target`, a row for
// each sample, in our order (height, width, channels). Layers keep their names, weights are NAME.weight and NAME.bias.
// Numbers that float64 does not hold are rounded, and said. Throws InputError for pools over lists of patches and for
// lists of patches whose matrix has more than 2^26 entries.
WrittenModel write_onnx(const Architecture& network, const Parameters<Rational>& theta, std::size_t target);

}  // namespace widecert
