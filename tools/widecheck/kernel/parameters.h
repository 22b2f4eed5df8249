// Points of Theta in claims and certificates: the tensors of the linear nodes up to the claimed one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/network.h"
#include "kernel/rule.h"

namespace widecheck {

// The node, if it is linear.
const Node& linear_node(const Context& c, std::size_t i);
// The same, if it is dense (Network::dense) with free weights: it solves one linear system for each of its neurons.
const Node& dense_node(const Context& c, std::size_t i);
// The linear nodes that `target` depends on.
std::vector<std::size_t> linear_nodes(const Network& network, std::size_t target);
// The same, each free of frozen tensors.
std::vector<std::size_t> free_linear_nodes(const Context& c, std::size_t target);
// Each of exactly these nodes has an entry in the object.
void require_nodes(const Network& network, const std::vector<std::size_t>& nodes, const Value& json);
// Both tensors of a node; a bias is present exactly if the architecture has one.
Parameters read_parameters(const Context& c, std::size_t node, const Value& json);
// A point of Theta: exactly the free tensors of the linear nodes below the target. Frozen ones are
// filled in.
std::map<std::size_t, Parameters> read_point(const Network& network, std::size_t target, const Value& json,
                                             Budget& budget);
// How a sentence names a point: "the claim's parameters", or "seeded random parameters (seed 1)" where all its tensors
// are seeded: nobody has given those; and what is frozen below the target.
std::string point_in_words(const Network& network, std::size_t target, const Value& json);
// " with the weights of conv1 frozen", of all that the target depends on; nothing if that is free.
std::string frozen_in_words(const Network& network, std::size_t target);
// The free tensors that "almost every" speaks of.
std::string theta_in_words(const Network& network, std::size_t target);
// The same of one tensor of filters.
std::string filters_in_words(const Value& tensor);

}  // namespace widecheck
