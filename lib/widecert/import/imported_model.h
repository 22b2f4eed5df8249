// A model of a framework as a network of ours, with its parameters: what importers make.
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
  Extents output_extents;                     // of one sample's output, as the model has it
  std::vector<std::size_t> output_order;      // entry k of the model's output is neuron output_order[k]
  std::vector<std::string> notes;             // what a reader has to know
};

// Arrays of a model on their way into the NPZ file that the parameters name.
class ModelArrays {
 public:
  explicit ModelArrays(std::string npz) : npz_(std::move(npz)) {}
  // As the framework has it; the layout makes it ours. Throws InputError if a number is not finite.
  FileTensor add(const std::string& name, const onnx::Array& array, const Layout& layout);
  // .npy bytes by member.
  const std::map<std::string, std::string>& bytes() const { return bytes_; }

 private:
  std::string npz_;
  std::map<std::string, std::string> bytes_;
};

// Batch norm with its running mean and variance, as gamma / sqrt(variance + epsilon) and what is added, each rounded to
// float64. Nothing if the lengths differ or a variance is not positive.
struct FoldedNorm {
  onnx::Array scale, shift;
};
std::optional<FoldedNorm> folded_norm(const std::vector<double>& gamma, const std::vector<double>& beta,
                                      const std::vector<double>& mean, const std::vector<double>& variance,
                                      double epsilon);
// What is said about that.
std::string folded_norm_in_words(const std::string& name, double epsilon);

}  // namespace widecert
