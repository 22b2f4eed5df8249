// What an ONNX model computes, as a network of ours with its parameters: every order of entries is followed, nothing is
// guessed, and what is left off or rounded is said.
#pragma once

#include <widecert/import/imported_model.h>

namespace widecert {

struct ImportOptions {
  std::string npz;                            // how the NPZ file will be called
  std::map<std::string, onnx::Array> values;  // inputs of the graph that are constants
  std::string output;                         // the value that is the output; the graph's first if empty
};

// Throws InputError; of operators that are not supported one that lists them all, with what to do.
ImportedModel import_onnx(const onnx::Graph& graph, const ImportOptions& options);

}  // namespace widecert
