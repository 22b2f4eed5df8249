// The commands of widecert: read, ask a prover or the checker, print. No mathematics here.
#pragma once

#include <widecert/data/dataset.h>

#include "weight_hunt.h"

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "console.h"

namespace widecert::tool {

// Exit codes, the same for widecheck.
enum Exit : int {
  kProved = 0,
  kRefuted = 1,
  kUsage = 2,
  kUndecided = 3,
  kMalformed = 4,
  kRejected = 5,
  kInternal = 70,
  kTimeout = 124,
  kInterrupted = 130
};
// Of several codes the one that decides: the first of 70, 130, 124, 4, 5, 1, 3, 0 that occurs.
int worse(int a, int b);

// One of several parts of a long run: --shard 2/5 is {1, 5}.
struct Shard {
  std::uint64_t index = 0, count = 1;
};
// Of "i/n", or the whole for an empty text. Throws InputError.
Shard read_shard(const std::string& text);

struct Common {
  ConsoleOptions console;
  bool json = false;
  std::uint64_t seed = 1;
  bool seed_given = false;
  EvidenceKind evidence = EvidenceKind::automatic;
  std::size_t memory = 0;  // bytes
  double rung_seconds = std::numeric_limits<double>::infinity();
  TimeLimit::Clock::time_point answer_by = TimeLimit::Clock::time_point::max();
};

// Without seed and progress.
Options prover_options(const Common& common);

struct ProveOptions {
  std::string case_path, output = "out", witness, alpha;
};
struct RegressOptions {
  std::vector<std::string> paths;
  std::string junit;
};
struct ReportOptions {
  std::string claim_path, output;
};
struct PackOptions {
  std::string claim_path, output;  // empty: beside the claim
};
struct InitOptions {
  std::string data, layers, output = "case.json", shape;
  std::string member, label_column, header, flatten, noise;
  BiasMode bias = BiasMode::neuron;
  std::vector<std::size_t> axes;
  std::size_t first = 0, count = 0;  // of the samples; count 0: all the rest
};

struct ImportFileOptions {
  std::string model, data, member, layer, output = "model.case.json", value, label_column, header;
  std::string labels;  // a file of classes, "column": that of label_column
  std::string divide = "1", multiply = "1";
  std::vector<std::string> constants;  // NAME=FILE of inputs
  std::string architecture, shape;     // of a model that is a list of tensors
  std::vector<std::string> modules;    // LAYER=MODULE
  std::vector<std::string> mean, std;  // of the channels, by which a model's samples are normalized
  std::vector<std::string> check;      // inputs and outputs of the framework
  std::size_t first = 0, count = 0;
};
// A trained network, and the loss.
struct TrainedOptions {
  std::string a, case_path, labels, loss, output;
  std::vector<std::string> modules;  // LAYER=MODULE
  bool onnx = false;                 // the way points as models, too
};
// Two of them that are to be joined; one to be led down.
struct ConnectOptions : TrainedOptions {
  std::string b, level;
};
struct DescendOptions : TrainedOptions {
  std::string floor;
};
struct RegionsOptions {
  std::string case_path, node, output = "out/regions.case.json", vertices, divide = "1";
  std::size_t entry = 0;                  // 0: the first with parameters
  std::vector<std::size_t> classes;       // that are certified; empty: all
  std::vector<std::string> plane;         // three samples or files, or none
  std::vector<std::string> within, view;  // s, t least, s, t largest
};
struct SurfaceOptions : TrainedOptions {  // of which labels, loss and output
  std::vector<std::string> cases;         // one or two
  std::string extent = "1";
  std::size_t entry = 0, half = 15;  // squares of the grid from the middle to a side
};
struct ForwardOptions {
  std::string case_path, node;
  std::size_t entry = 0, sample = 0, count = 0;  // from 1 on; 0: the first
};
// The search for local minima that are not global.
struct MinimaBounds {
  std::size_t dimensions = 1, grid = 4, samples = 4;  // at most; points have coordinates 0 to grid
  std::size_t width = 1;
  std::string activation = "sigmoid";
  std::string data;                          // a case, whose samples and classes are searched instead
  std::vector<std::size_t> inputs, classes;  // of the data; empty: all
  std::size_t triples = 1;
};
struct HuntOptions {
  StructureBounds structure;
  ConvolutionBounds convolution;
  MinimaBounds minimum;
  bool minima = false, convolutions = false, restart = false;
  std::uint64_t random = 0;  // 0: exhaustive
  std::size_t keep = 1000;
  std::string shard, output = "out/hunt";
};
struct SweepOptions {
  std::string spec, output = "out/sweep", shard, instance;
  bool merge = false, restart = false;
};
struct WidthsOptions {
  std::vector<std::string> paths;
  std::size_t samples = 1'281'167;
};

// "28x28x1". Throws InputError.
Shape read_shape(const std::string& text);
// A CSV file of init's and import's options. A label that is proved about as if it were a feature would be other data:
// it is asked about. `kept`: what looks like one and is a feature nevertheless, in words.
CsvSource csv_source(const InitOptions& options, const std::string& relative, std::string& kept);

int run_prove(const Common& common, const ProveOptions& options);
int run_check(const Common& common, const std::vector<std::string>& files);
int run_inspect(const Common& common, const std::string& case_path);
int run_explain(const Common& common, const std::string& id);
int run_pack(const Common& common, const PackOptions& options);
int run_connect(const Common& common, const ConnectOptions& options);
int run_descend(const Common& common, const DescendOptions& options);
int run_regions(const Common& common, const RegionsOptions& options);
int run_surface(const Common& common, const SurfaceOptions& options);
int run_forward(const Common& common, const ForwardOptions& options);
int run_import(const Common& common, const ImportFileOptions& options);
int run_report(const Common& common, const ReportOptions& options);
int run_regress(const Common& common, const RegressOptions& options);
int run_init(const Common& common, const InitOptions& options);
int run_hunt(const Common& common, const HuntOptions& options);
int run_sweep(const Common& common, const SweepOptions& options);
int run_widths(const Common& common, const WidthsOptions& options);

}  // namespace widecert::tool
