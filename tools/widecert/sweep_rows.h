// The rows of a part of a sweep, on disk: locked, verified when they are read again, never half an instance.
//
// The first line says whose rows they are (spec, files, division); then come the rows of the part's instances in
// order. A line that was cut short is computed again; any other line that is not the one expected is an error.
#pragma once

#include "sweep_spec.h"

#include "commands.h"

namespace widecert::tool {

class SweepRows {
 public:
  // Opens and locks the file; made if it is not there and `write` is true. Throws InputError if another run holds it.
  SweepRows(const SweepSpec& spec, const Shard& shard, std::string path, Json header, bool write);
  ~SweepRows();  // an empty file does not stay
  SweepRows(const SweepRows&) = delete;
  SweepRows& operator=(const SweepRows&) = delete;

  void forget();  // what is there
  void resume();  // Throws InputError if it is of another sweep, or damaged.
  void append(std::vector<std::vector<Json>> instances);

  const std::string& path() const { return path_; }
  std::uint64_t total() const { return (spec_.size() + shard_.count - 1 - shard_.index) / shard_.count; }
  std::uint64_t done() const { return rows_.size() / spec_.entries(); }
  // The instance at a place of the part.
  std::uint64_t instance(std::uint64_t place) const { return place * shard_.count + shard_.index; }
  const std::vector<Json>& rows() const { return rows_; }

 private:
  void write(const std::string& text);
  const SweepSpec& spec_;
  Shard shard_;
  std::string path_;
  Json header_;
  bool writes_;
  int file_ = -1;
  std::vector<Json> rows_;
};

}  // namespace widecert::tool
