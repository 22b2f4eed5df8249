// The command line: options, exit codes, and nothing else.
#include <flint/flint.h>
#include <gmp.h>
#include <sys/resource.h>
#include <unistd.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>
#include <widecert/number/stop.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "commands.h"
#include "layer_words.h"

namespace {

using namespace widecert::tool;

// GMP and FLINT cannot report that memory ran out, they would abort: this ends with the proper
// code.
[[noreturn]] void out_of_memory() {
  std::fputs("widecert: out of memory; raise --memory or take fewer samples\n", stderr);
  std::_Exit(kInternal);
}

void limit_memory(double gibibytes) {
  mp_set_memory_functions(
      [](std::size_t size) {
        void* block = std::malloc(size);
        if (block == nullptr) out_of_memory();
        return block;
      },
      [](void* old, std::size_t, std::size_t size) {
        void* block = std::realloc(old, size);
        if (block == nullptr) out_of_memory();
        return block;
      },
      [](void* block, std::size_t) { std::free(block); });
  flint_set_abort(out_of_memory);
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of address space
  const auto bytes = static_cast<rlim_t>(gibibytes * 1024 * 1024 * 1024);
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
#else
  static_cast<void>(gibibytes);
#endif
}

// How many letters have to be changed, put in or left out.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
      corner = above;
    }
  }
  return row[b.size()];
}

bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](const char* argument) { return std::string(argument) == "--json"; });
}

// After a word that is no command: that it is none, and the one that was meant, if it is close.
void suggest_command(const CLI::App& app, int argc, char** argv) {
  for (int a = 1; a < argc; ++a) {
    const std::string word = argv[a];
    for (const CLI::App* command : app.get_subcommands({})) {
      const std::size_t far = distance(word, command->get_name());
      if (far == 0) return;  // the mistake is elsewhere
      if (far > 2 || word.size() < 4) continue;
      std::fprintf(stderr, "There is no command \"%s\". Did you mean \"widecert %s\"?\n", word.c_str(),
                   command->get_name().c_str());
      return;
    }
  }
}

int run(int argc, char** argv) {
  CLI::App app{"widecert: the theorems on wide neural networks, turned into certificates"};
  app.set_version_flag("--version", "widecert 0.1.0");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Exit status: 0 all proved, 1 refuted, 2 usage, 3 undecided or not applicable, 4 malformed\n"
      "input, 5 certificate rejected, 70 internal error, 124 timeout, 130 interrupted.\n"
      "First steps: widecert explain; widecert prove cases/digits/sigmoid (of the package: "
      "/usr/share/widecert/cases).");

  Common common;
  // Leave a fifth of the machine to others unless told otherwise.
  double memory_gib = 0.8 * static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)) /
                      (1024.0 * 1024 * 1024);
  double timeout = 0;
  app.add_flag("--json", common.json, "machine-readable result on standard output");
  app.add_flag("--quiet", common.console.quiet, "no text and no progress; the exit status tells");
  auto* seed = app.add_option("--seed", common.seed, "seed of the constructions (same seed, same bytes)");
  seed->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62));
  app.add_option("--timeout", timeout,
                 "give up after this many seconds (124); bounds are given as far as they are known at half of the time")
      ->check(CLI::Range(0.001, 1e9));
  std::size_t thread_count = 0;
  app.add_option("--threads", thread_count, "cores to use (default: all); results do not depend on it")
      ->check(CLI::Range(1, 1024));
  app.add_option("--evidence", common.evidence,
                 "for ranks: elimination (redone by the checker), random-solve (any size; proved up to "
                 "an error bound), or auto (default)")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, widecert::EvidenceKind>{{"auto", widecert::EvidenceKind::automatic},
                                                        {"elimination", widecert::EvidenceKind::elimination},
                                                        {"random-solve", widecert::EvidenceKind::random_solve}}));
  app.add_option("--rung-seconds", common.rung_seconds,
                 "limit on the time of each rung of the ladder of precisions; outcomes then depend on the machine")
      ->check(CLI::Range(0.0, 1e9));
  app.add_option("--memory", memory_gib, "limit on memory, in GiB (default: 80 % of the machine)")
      ->check(CLI::Range(0.25, 1e6));

  ProveOptions prove_options;
  auto* prove = app.add_subcommand("prove", "prove what a case asks for, write claim and certificate, check them");
  prove->add_option("CASE", prove_options.case_path, "a case file or a folder with case.json")->required();
  prove->add_option("-o,--output", prove_options.output, "folder for claim and certificate (default: out)");
  auto* witness =
      prove->add_option("--witness", prove_options.witness,
                        "write the parameters that were found to this file: .json, .npz, or .onnx with the network");
  prove->add_option("--alpha", prove_options.alpha, "the alpha of the witness, >= alpha_0 (default)")->needs(witness);

  std::vector<std::string> files;
  auto* check = app.add_subcommand("check", "run the independent checker, widecheck, on a claim or a pack");
  check->add_option("CLAIM", files, "NAME.claim.json, and the certificate if it is elsewhere; or NAME.zip")
      ->required()
      ->expected(1, 2);

  PackOptions pack_options;
  auto* pack = app.add_subcommand(
      "pack",
      "one archive of a claim, its certificate and the files they name, for others: widecheck NAME.zip checks it");
  pack->add_option("CLAIM", pack_options.claim_path, "NAME.claim.json")->required();
  pack->add_option("-o,--output", pack_options.output, "the archive (default: NAME.zip beside the claim)");

  std::string case_path;
  auto* inspect = app.add_subcommand("inspect", "layers, widths, which theorems apply and why not");
  inspect->add_option("CASE", case_path, "a case file or its folder")->required();

  std::string id;
  auto* explain = app.add_subcommand("explain", "the catalogue of theorems, or one entry");
  explain->add_option(
      "ID", id,
      "for example theorem-3.4; or \"keys\", \"columns\": what entries of a case may say, what a sweep tells");

  ReportOptions report_options;
  auto* report = app.add_subcommand("report", "one self-contained HTML page about a claim or a pack");
  report->add_option("CLAIM", report_options.claim_path, "NAME.claim.json or NAME.zip")->required();
  report->add_option("-o,--output", report_options.output, "the page (default: beside the claim)");

  RegressOptions regress_options;
  auto* regress =
      app.add_subcommand("regress", "re-prove and re-check every case, compare with what it expects (1 if not)");
  regress->add_option("PATH", regress_options.paths, "case files or folders")->required();
  regress->add_option("--junit", regress_options.junit, "write JUnit XML to this file");

  InitOptions init_options;
  auto* init = app.add_subcommand("init", "a first case from a one-line architecture and, for features, a data file");
  init->add_option("DATA", init_options.data,
                   "an IDX, NPY, NPZ or CSV file, plain or gzip; without it the case is about the weights (--shape)");
  init->add_option("--layers", init_options.layers, "for example \"conv2d:3x3:50 sigmoid\"")->required();
  init->add_option("--shape", init_options.shape, "of a sample: HEIGHTxWIDTHxCHANNELS, LENGTHxCHANNELS or a number");
  init->add_option("--member", init_options.member, "the array of an NPZ file");
  init->add_option("--axes", init_options.axes, "which axis of the file is samples, height, width, channels: 0,2,3,1")
      ->delimiter(',');
  init->add_option("--flatten", init_options.flatten, "how images of several channels became rows of numbers")
      ->check(CLI::IsMember({"channels-first", "channels-last"}));
  init->add_option("--label-column", init_options.label_column,
                   "a column of a CSV file that is no feature: from 1 on, its name, last, or none");
  init->add_option("--header", init_options.header,
                   "yes or no: whether the first line of a CSV file names the columns (default: as it looks)")
      ->check(CLI::IsMember({"yes", "no"}));
  init->add_option("--first", init_options.first, "leave out so many samples at the start");
  init->add_option("--count", init_options.count, "take so many samples (default: all)");
  init->add_option("--noise", init_options.noise,
                   "none: leave images as they are (default, if they are whole numbers: add seeded noise "
                   "0..255 to 256 times the value, "
                   "over 256, so that patches are distinct)")
      ->check(CLI::IsMember({"none"}));
  std::string bias = widecert::bias_name(init_options.bias);
  init->add_option("--bias", bias, "neuron (default, the papers'), channel (the frameworks') or none")
      ->check(CLI::IsMember({"neuron", "channel", "none"}));
  init->footer(
      layer_words() +
      "\n\nExamples:\n"
      "  widecert init cases/digits/data/images-idx3-ubyte.gz --layers \"conv2d:3x3:50 gelu\" -o mine.case.json\n"
      "  widecert init table.csv --label-column last --layers \"dense:2000 relu\"");
  init->add_option("-o,--output", init_options.output, "the case file (default: case.json)");

  ImportFileOptions import_options;
  auto* import =
      app.add_subcommand("import", "a case from a model of a framework; its weights are kept beside it as they are");
  import
      ->add_option("MODEL", import_options.model,
                   "a .onnx file (external data lie in its folder), or tensors: .safetensors, .npz")
      ->required();
  import->add_option("--architecture", import_options.architecture,
                     "for tensors: the layers, those of a case or words as of init --layers");
  import->add_option("--shape", import_options.shape,
                     "for words: of a sample, HEIGHTxWIDTHxCHANNELS, LENGTHxCHANNELS or a number");
  import->add_option("--module", import_options.modules,
                     "for tensors: LAYER=MODULE, where names and order do not tell (for every layer)");
  import->add_option("--data", import_options.data,
                     "samples as the model takes them: IDX, NPY, NPZ or CSV; without it the case is about the weights");
  import->add_option("--member", import_options.member, "the array of an NPZ file");
  import->add_option(
      "--divide", import_options.divide,
      "divide the numbers of the data by this (255 for images of bytes that the model takes from 0 to 1)");
  import->add_option("--multiply", import_options.multiply, "multiply the numbers of the data by this first");
  import
      ->add_option("--mean", import_options.mean,
                   "what is subtracted from the data first, one number or one for each channel: 0.1307")
      ->delimiter(',');
  import->add_option("--std", import_options.std, "what they are divided by then; exact: a first layer of the case")
      ->delimiter(',');
  import->add_option("--label-column", import_options.label_column,
                     "a column of a CSV file that is no feature: from 1 on, its name, last, or none");
  import->add_option(
      "--labels", import_options.labels,
      "a class for each sample, from 0 on: IDX, .npy, .npz[member], a CSV file of one column, or column (the "
      "--label-column of the data); asks how near exact zero loss is, too");
  import
      ->add_option("--header", import_options.header,
                   "yes or no: whether the first line of a CSV file names the columns")
      ->check(CLI::IsMember({"yes", "no"}));
  import->add_option("--first", import_options.first, "leave out so many samples at the start");
  import->add_option("--count", import_options.count, "take so many samples (default: all)");
  import->add_option("--layer", import_options.layer,
                     "the layer to prove about (default: the first activation that is wide enough, else the widest)");
  import->add_option("--output-value", import_options.value,
                     "stop at this value of the model (default: its first output)");
  import->add_option("--constant", import_options.constants,
                     "NAME=FILE: an input of the graph that is a constant (.pb, .npy, .npz[member])");
  import
      ->add_option("--check", import_options.check,
                   "inputs and outputs of the framework (.npy, .npz[member], .pb): print the largest difference")
      ->expected(2);
  import->add_option("-o,--output", import_options.output,
                     "the case, NAME.case.json; the weights are NAME.npz (default: model.case.json)");

  // What connect and descend have in common.
  const auto loss_options = [](CLI::App* command, TrainedOptions& options) {
    command
        ->add_option("--labels", options.labels,
                     "a class for each sample, from 0 on: IDX, .npy, .npz[member] or a CSV file of one column")
        ->required();
    command
        ->add_option("--loss", options.loss,
                     "cross-entropy, hinge or square (half the sum of squared differences from one-hot targets)")
        ->required()
        ->check(CLI::IsMember({"cross-entropy", "hinge", "square"}));
  };
  const auto trained = [&](CLI::App* command, TrainedOptions& options) {
    command
        ->add_option("--case", options.case_path,
                     "a case with their layers and the data (widecert init or import writes one)")
        ->required();
    loss_options(command, options);
    command->add_option("--module", options.modules, "LAYER=MODULE, where names and order do not tell");
    command->add_flag("--onnx", options.onnx, "write each way point as an ONNX model, too: NAME.0.onnx, ...");
    command->add_option(
        "-o,--output", options.output,
        "the case that is written, NAME.case.json; beside it claim, certificate, way points NAME.path.npz and "
        "the profile of the loss NAME.svg");
  };
  ConnectOptions connect_options;
  connect_options.output = "out/connect.case.json";
  auto* connect = app.add_subcommand("connect", "whether two trained networks are joined, and a path between them");
  connect->add_option("A", connect_options.a, "tensors of the first network: .npz or .safetensors")->required();
  connect->add_option("B", connect_options.b, "tensors of the second one")->required();
  trained(connect, connect_options);
  connect->add_option("--level", connect_options.level,
                      "a level of the loss, the sum over all samples (default: a little more than the larger end)");

  DescendOptions descend_options;
  descend_options.output = "out/descend.case.json";
  auto* descend =
      app.add_subcommand("descend", "a path from a trained network down, along which the loss never increases");
  descend->add_option("A", descend_options.a, "tensors of the network: .npz or .safetensors")->required();
  trained(descend, descend_options);
  descend->add_option("--floor", descend_options.floor,
                      "where the loss is to end, the sum over all samples (default: a thousandth of its value, or as "
                      "low as it comes)");

  RegionsOptions regions_options;
  auto* regions = app.add_subcommand(
      "regions", "decision regions of one or two inputs, or on a plane through three: counted, certified, drawn");
  regions->add_option("CASE", regions_options.case_path, "a case, an entry of which has parameters")->required();
  regions->add_option("--entry", regions_options.entry, "the entry, from 1 on (default: the first with parameters)");
  regions->add_option("--node", regions_options.node,
                      "the layer whose largest value is the class (default: the last linear one)");
  regions
      ->add_option("--plane", regions_options.plane,
                   "three inputs whose plane is looked at: numbers of samples of the case from 1 on, or .npy files")
      ->expected(3);
  regions->add_option("--divide", regions_options.divide, "divide the numbers of .npy files by this (images: 255)");
  regions
      ->add_option("--within", regions_options.within,
                   "count within a rectangle only: its least s and t, then the largest (rationals)")
      ->expected(4);
  regions->add_option("--class", regions_options.classes, "certify the counts of these classes only (default: all)");
  regions->add_option("--view", regions_options.view, "what is drawn: its least s and t, then the largest")
      ->expected(4);
  regions->add_option("--vertices", regions_options.vertices, "write all corners exactly, as JSON, to this file");
  regions->add_option("-o,--output", regions_options.output,
                      "the case that is written, NAME.case.json; beside it claim, certificate and picture NAME.svg");

  SurfaceOptions surface_options;
  surface_options.output = "out/surface.svg";
  auto* surface = app.add_subcommand(
      "surface",
      "a loss on a plane through the parameters of a case, spanned by random directions: enclosed and drawn");
  surface
      ->add_option("CASE", surface_options.cases,
                   "a case with data, an entry of which has parameters; two of them are drawn side by side")
      ->required()
      ->expected(1, 2);
  loss_options(surface, surface_options);
  surface->add_option("--entry", surface_options.entry, "the entry, from 1 on (default: the first with parameters)");
  surface
      ->add_option("--grid", surface_options.half,
                   "so many points from the middle to a side; the whole has 2 N + 1 by 2 N + 1 (default 15)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{200}));
  surface->add_option("--extent", surface_options.extent,
                      "how far to go, in lengths of the filters (a rational; default 1)");
  surface->add_option("-o,--output", surface_options.output,
                      "the picture, NAME.svg; beside it the enclosures NAME.csv (default: out/surface.svg)");

  ForwardOptions forward_options;
  auto* forward = app.add_subcommand("forward", "the values of a layer on samples of a case, exact or enclosed");
  forward->add_option("CASE", forward_options.case_path, "a case with data, an entry of which has parameters")
      ->required();
  forward->add_option("--node", forward_options.node, "the layer (default: that of the entry)");
  forward->add_option("--entry", forward_options.entry,
                      "the entry of \"prove\" with the parameters, from 1 on (default: the first that has some)");
  forward->add_option("--sample", forward_options.sample, "the first sample, from 1 on (default 1)");
  forward->add_option("--count", forward_options.count, "so many samples (default 1)");

  HuntOptions hunt_options;
  auto* hunt = app.add_subcommand(
      "hunt",
      "search for counterexamples and keep them as cases with certificates: layers that violate Assumption 2.4 "
      "(weights), local minima that are not global (minima)");
  std::string prey;
  hunt->add_option("WHAT", prey, "weights or minima")->required()->check(CLI::IsMember({"weights", "minima"}));
  // Of the weights: structures or regular convolutions; of the minima: a grid or the samples of a case.
  std::vector<CLI::Option*> of_weights, of_minima, of_structures, of_convolutions, of_grids, of_data;
  const auto at_most = [&](const char* name, std::size_t& value, std::size_t most, const char* text) {
    return hunt->add_option(name, value, text)->check(CLI::Range(std::size_t{1}, most));
  };
  std::size_t filters = 3, dimensions = 0;
  of_weights = {at_most("--filters", filters, 1000, "weights: at most so many filters (default 3)")};
  of_structures = {
      at_most("--neurons", hunt_options.structure.neurons, 9, "patch structures: at most so many neurons (default 4)"),
      at_most("--length", hunt_options.structure.length, 9, "patch structures: entries of a patch (default 3)"),
      at_most("--patches", hunt_options.structure.patches, 1000, "patch structures: patches (default 4)"),
      hunt->add_option("--random", hunt_options.random,
                       "patch structures: so many random ones instead of all up to symmetry")};
  auto* convolutions =
      hunt->add_flag("--convolutions", hunt_options.convolutions, "regular convolutions instead of patch structures");
  of_convolutions = {
      at_most("--image", hunt_options.convolution.image, 1000, "convolutions: largest image (default 6)"),
      at_most("--size", hunt_options.convolution.size, 1000, "convolutions: largest filter (default 3)"),
      at_most("--channels", hunt_options.convolution.channels, 1000, "convolutions: most channels (default 2)"),
      at_most("--stride", hunt_options.convolution.stride, 1000, "convolutions: largest stride (default 1)"),
      hunt->add_flag("--same", hunt_options.convolution.same_padding, "convolutions: same padding")};
  auto* both =
      at_most("--dimensions", dimensions, 2, "of convolutions, 1 or 2 (default 2); of points, at most (default 1)");
  MinimaBounds& minimum = hunt_options.minimum;
  of_grids = {at_most("--grid", minimum.grid, 9, "minima: coordinates 0 to this (default 4)"),
              at_most("--samples", minimum.samples, 12, "minima: at most so many points (default 4)")};
  auto* in = hunt->add_option("--in", minimum.data,
                              "minima: among the samples of this case, instead of a grid; an entry's \"targets\" say "
                              "their classes");
  of_data = {
      hunt->add_option("--inputs", minimum.inputs, "minima, with --in: look at these inputs only, from 0 on: 12,36")
          ->delimiter(','),
      hunt->add_option("--classes", minimum.classes, "minima, with --in: one class inside another, 3,4 (default: all)")
          ->delimiter(','),
      at_most("--triples", minimum.triples, 1000,
              "minima, with --in: at most so many samples inside, each between two others (default 1)")};
  of_minima = {at_most("--width", minimum.width, 1000, "minima: units of the hidden layer (default 1, the smallest)"),
               hunt->add_option("--activation", minimum.activation, "minima: sigmoid (default), tanh or relu")
                   ->check(CLI::IsMember({"sigmoid", "tanh", "relu"}))};
  for (CLI::Option* option : of_structures) option->excludes(convolutions);
  for (CLI::Option* option : of_convolutions) option->needs(convolutions);
  for (CLI::Option* option : of_grids) option->excludes(in);
  for (CLI::Option* option : of_data) option->needs(in);
  both->excludes(in);
  hunt->callback([&] {
    const bool minima = prey == "minima";
    std::vector<CLI::Option*> others = minima ? of_weights : of_minima;
    for (const auto& more :
         minima ? std::vector{of_structures, of_convolutions, {convolutions}} : std::vector{of_grids, of_data, {in}}) {
      others.insert(others.end(), more.begin(), more.end());
    }
    if (!minima && !hunt_options.convolutions) others.push_back(both);
    for (const CLI::Option* option : others)
      if (option->count() > 0) throw CLI::ValidationError(option->get_name(), "does not belong to hunt " + prey);
  });
  hunt->add_option("--shard", hunt_options.shard, "i/n: the i-th of n parts");
  hunt->add_option("--keep", hunt_options.keep, "prove and write at most so many (default 1000)");
  hunt->add_flag("--restart", hunt_options.restart, "begin anew where a search was stopped before");
  hunt->add_option("-o,--output", hunt_options.output, "folder (default: out/hunt)");

  SweepOptions sweep_options;
  auto* sweep = app.add_subcommand(
      "sweep", "bulk runs: a case with variables over a grid or random values, to CSV, JSON lines and a figure");
  sweep->add_option("SPEC", sweep_options.spec, "a sweep file (cases/README.md)")->required();
  sweep->add_option("-o,--output", sweep_options.output, "folder (default: out/sweep)");
  auto* part = sweep->add_option("--shard", sweep_options.shard, "i/n: the i-th of n parts");
  auto* joined = sweep->add_flag("--merge", sweep_options.merge, "join the parts: the same bytes as one run");
  sweep->add_flag("--restart", sweep_options.restart, "begin anew where a sweep was stopped before");
  auto* instance = sweep->add_option("--instance", sweep_options.instance,
                                     "write this instance (0, 1, ...) as a case instead, to be proved and checked");
  for (CLI::Option* option : {part, joined}) option->excludes(instance);
  for (CLI::Option* option : {part, instance}) {
    option->check([](const std::string& text) { return text.empty() ? std::string("is empty") : std::string(); });
  }
  sweep->footer(
      "\"proved\" in a row is the prover's word, and rigorous; widecheck is asked for an instance that is written\n"
      "out with --instance. The same command goes on where a sweep was stopped. Example:\n"
      "  widecert sweep cases/sweeps/relu-deficient.sweep.json -o out/relu\n"
      "  widecert sweep cases/sweeps/relu-deficient.sweep.json -o out/relu --instance 5");

  WidthsOptions widths_options;
  auto* widths =
      app.add_subcommand("widths", "the widest hidden layer of each case against N, next to what a paper prints");
  widths->add_option("PATH", widths_options.paths, "case files or folders")->required();
  widths->add_option("--samples", widths_options.samples, "N (default: 1281167, ImageNet)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int exit = app.exit(error) == 0 ? kProved : kUsage;
    if (exit == kUsage) {
      suggest_command(app, argc, argv);
      if (asks_for_json(argc, argv)) std::fputs(error_text(error.what(), exit).c_str(), stdout);
    }
    return exit;
  }
  common.seed_given = seed->count() > 0;
  limit_memory(memory_gib);
  common.memory = static_cast<std::size_t>(memory_gib * 1024 * 1024 * 1024);
  widecert::set_threads(thread_count);
  catch_stops(timeout, common.json);
  // The other half is for what comes after: writing, and the checker.
  if (timeout > 0) common.answer_by = widecert::TimeLimit::after(timeout / 2);
  if (*prove) return run_prove(common, prove_options);
  if (*pack) return run_pack(common, pack_options);
  if (*check) return run_check(common, files);
  if (*inspect) return run_inspect(common, case_path);
  if (*explain) return run_explain(common, id);
  if (*forward) return run_forward(common, forward_options);
  if (*surface) return run_surface(common, surface_options);
  if (*regions) return run_regions(common, regions_options);
  if (*connect) return run_connect(common, connect_options);
  if (*descend) return run_descend(common, descend_options);
  if (*import) return run_import(common, import_options);
  if (*report) return run_report(common, report_options);
  if (*regress) return run_regress(common, regress_options);
  init_options.bias = *widecert::bias_by_name(bias);
  if (*init) return run_init(common, init_options);
  if (*sweep) return run_sweep(common, sweep_options);
  if (*widths) return run_widths(common, widths_options);
  hunt_options.minima = prey == "minima";
  hunt_options.structure.filters = hunt_options.convolution.filters = filters;
  if (dimensions != 0) {
    hunt_options.convolution.dimensions = static_cast<int>(dimensions);
    hunt_options.minimum.dimensions = dimensions;
  }
  return run_hunt(common, hunt_options);
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = asks_for_json(argc, argv);
  const auto fail = [&](int code, const std::string& what) {
    begin_to_end();
    std::fprintf(stderr, "widecert: %s\n", what.c_str());
    if (json) std::fputs(error_text(what, code).c_str(), stdout);
    return code;
  };
  int code = kInternal;
  try {
    code = run(argc, argv);
  } catch (const TimedOut& error) {
    code = fail(kTimeout, error.what());
  } catch (const Interrupted& error) {
    code = fail(kInterrupted, error.what());
  } catch (const widecert::InputError& error) {
    code = fail(kMalformed, error.what());
  } catch (const widecert::ShapeError& error) {
    code = fail(kMalformed, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    code = fail(kMalformed, std::string(error.what()) + "; is the path right and writable?");
  } catch (const std::bad_alloc&) {
    code = fail(kInternal, "out of memory; raise --memory or take fewer samples");
  } catch (const std::exception& error) {
    code = fail(kInternal, error.what());
  }
  // A result that nobody could read is none.
  return std::fflush(stdout) == 0 ? code : kInternal;
}
