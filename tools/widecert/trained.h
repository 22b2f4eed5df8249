// What the commands connect and descend are given: a trained network as its framework keeps it, a case with its layers
// and data, and a loss with a class for each sample.
#pragma once

#include <widecert/import/state_dict.h>

#include <string>
#include <vector>

#include "commands.h"
#include "proofs/case_file.h"
#include "proofs/paths/convex_loss.h"

namespace widecert::tool {

// The tensors of a file, by the layers of a case; they will be members of the archive `npz` beside the new case.
struct Trained {
  ImportedModel model;
  std::string npz;
};
Trained load_trained(const std::string& path, const Architecture& layers, const std::string& npz,
                     const std::vector<std::string>& modules);
// Writes what the network names of its archive.
void write_arrays(const Trained& network, const std::string& folder);

// Names of what is written: NAME.case.json, and files that begin with NAME.
struct NewCase {
  // Throws InputError where the case exists, or is called otherwise.
  explicit NewCase(const std::string& output);
  std::string file, base, stem, folder;
};

// The data of a case, the classes and the loss.
struct LabelledLoss {
  LabelledLoss(const CaseFile& layers, const std::string& case_path, const Architecture& network, std::size_t output,
               const TrainedOptions& options, const std::string& folder);
  DatasetSpec data_spec;
  Instance instance;
  ConvexLossSpec spec;
  std::string name, labels;  // for people
  // Of an entry about the output: loss, or targets.
  void add_to(Json& entry) const;
};

}  // namespace widecert::tool
