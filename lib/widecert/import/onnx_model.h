// What an ONNX model computes, as a network of ours with its parameters: every order of entries is followed, nothing is
// guessed, and what is left off or rounded is said.
#pragma once

#include <widecert/import/onnx_file.h>
#include <widecert/network/point.h>

namespace widecert {

struct ImportedModel {
  Architecture network;
  PointSpec parameters;                       // arrays as the file has them, with the axes that make them ours
  std::map<std::string, std::string> arrays;  // members of the NPZ file that the parameters name: .npy bytes
  Extents input;                              // of a sample, as the model takes it
  Layout input_layout;                        // how such samples become ours
  std::size_t output;                         // the node whose values are the model's output
  std::vector<std::size_t> output_order;      // entry k of the model's output is neuron output_order[k]
  std::vector<std::string> notes;             // what a reader has to know
};

struct ImportOptions {
  std::string npz;                            // how the NPZ file will be called
  std::map<std::string, onnx::Array> values;  // inputs of the graph that are constants
  std::string output;                         // the value that is the output; the graph's first if empty
};

// Throws InputError; of operators that are not supported one that lists them all, with what to do.
ImportedModel import_onnx(const onnx::Graph& graph, const ImportOptions& options);

}  // namespace widecert
