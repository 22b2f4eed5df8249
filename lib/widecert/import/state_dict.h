// The named tensors of a framework (state_dict of PyTorch) as the parameters of a network that is given: which tensor
// belongs to which layer is said by names or by the order of both, and said aloud.
#pragma once

#include <widecert/import/imported_model.h>

namespace widecert {

struct StateDict {
  std::string file;
  bool ordered;  // as the framework lists them; else by name
  std::vector<std::pair<std::string, onnx::Array>> tensors;
};
// .safetensors or .npz (numpy.savez(path, **{k: v.numpy() for k, v in model.state_dict().items()})). Throws InputError.
StateDict read_state_dict(const std::string& path);

struct StateDictOptions {
  std::string npz;                             // how the NPZ file will be called
  std::map<std::string, std::string> modules;  // by layer: the prefix of its tensors, where it is said
  std::map<std::string, double> epsilon;       // of batch norms
};
// Linear layers and batch norms of `layers` take their tensors; biases are there where the tensors have them, one for
// each channel of a convolution. PyTorch's orders: filters x channels x height x width, images flattened channels
// first. Throws InputError where tensors are missing, do not fit, or fit in more than one way.
ImportedModel import_state_dict(const StateDict& dict, const Architecture& layers, const StateDictOptions& options);

}  // namespace widecert
