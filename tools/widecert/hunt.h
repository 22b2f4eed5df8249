// A search for objects of one kind: an order of candidates, each with a position, that can be stopped, resumed and
// divided. What is found is a case, which is proved and kept.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "commands.h"

namespace widecert::tool {

// Something found: a case whose first entry is expected to be refuted, or proved.
struct Find {
  std::string name, title;  // the case is NAME.case.json
  std::string line;         // in one line, for people
  nlohmann::json case_file, facts;
};

// Told by a search while it goes on.
struct HuntLog {
  std::function<void()> examined;
  std::function<void(nlohmann::json row)> row;  // of the table
  std::function<void(Find)> found;
  // Everything before `position` is done. Called often; may throw to stop the search.
  std::function<void(std::uint64_t position)> tick;
};

class Quarry {
 public:
  virtual ~Quarry() = default;
  virtual std::uint64_t total() const = 0;        // positions
  virtual nlohmann::json parameters() const = 0;  // of the search, beside seed and shard
  virtual void run(const HuntSlice& slice, const HuntLog& log) const = 0;
  virtual const char* name() const = 0;  // "VIOLATION", before the line of each find
  // With what the state is summed up; "{0}" is the number of examined ones, "{1}" of finds, "{2}" of those that
  // widecheck accepts.
  virtual const char* summary() const = 0;
  virtual const char* heading() const = 0;
  virtual std::string introduction() const = 0;  // of the page, HTML
  virtual std::string figure(const nlohmann::json& table) const = 0;
};

std::unique_ptr<Quarry> weights_quarry(const Common& common, const HuntOptions& options);
std::unique_ptr<Quarry> minima_quarry(const Common& common, const HuntOptions& options);

// The page about a search. `state` is what hunt.json has.
std::string hunt_page(const Quarry& quarry, const nlohmann::json& state);
// The map of ranks of regular convolutions.
std::string rank_map(const nlohmann::json& table);

}  // namespace widecert::tool
