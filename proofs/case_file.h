// Case files: an instance, what to prove about it, and the outcome that is expected.
#pragma once

#include "proofs/catalogue.h"

namespace widecert {

struct Expectation {
  Verdict verdict = Verdict::proved;
  std::string reason;
};

struct CaseEntry {
  Task task;
  std::optional<Expectation> expected;
};

// What a paper prints about the network, to be compared with what is found (widecert widths).
struct Printed {
  std::string table;
  std::string width;                   // of the widest hidden layer, as printed; may be empty
  std::optional<bool> exceeds;         // whether that is more than N
  std::optional<std::size_t> neurons;  // of all hidden layers
};

struct CaseFile {
  std::string path;  // of the file
  std::string name;  // of its folder, or of the file
  std::string title, about;
  Architecture network;
  std::optional<DatasetSpec> data;  // absent where everything is about weights
  std::vector<CaseEntry> entries;
  std::optional<std::uint64_t> seed;  // of constructions and random points, where the command line gives none
  std::optional<Printed> printed;
  std::string folder;             // where the paths of data and tensors start
  std::string directory() const;  // of the file
};

// `path` is a case file, with or without its ".case.json", or a folder with a case.json. Throws
// InputError naming the place. Paths of data and tensors become relative to `folder`, which is that of
// the case if it is empty: a claim stands in the folder where it is written.
CaseFile read_case(const std::string& path, const std::string& folder = "");
// The same from JSON that stands at `place`; the name is the caller's.
CaseFile read_case_json(const Json& json, const std::string& place, const std::string& folder);
// The path of the data file of a case if it is not there, else empty. Large data are not part of
// the repository; the README beside such cases says how to get them.
std::string missing_data(const CaseFile& file);
// Reads the data of a case that has some, as its network reads them; `resolved` as load() does. Throws InputError.
Dataset load_data(const CaseFile& file, DatasetSpec& resolved);
// Reads the data; the spec of the instance carries digest and count.
Instance load_instance(const CaseFile& file);
// All case files at or below a path, sorted. Throws InputError if there is none.
std::vector<std::string> find_cases(const std::string& path);

}  // namespace widecert
