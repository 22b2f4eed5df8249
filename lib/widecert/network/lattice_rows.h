// Lattice points: parameters in ln(2) times the integers, where sigmoid and tanh take
// rational values, computed modulo a prime at any depth without ever seeing their huge numerators.
//
// With pre-activations g = z ln 2, z an integer: sigmoid(g) = 1/(1 + 2^-z) and tanh(g) = (4^z - 1)/
// (4^z + 1). Modulo a prime p where 2 has odd order the denominators are units (-1 is no power of
// 2), and only z modulo that order matters. At depth a tower of primes p_1, ..., p_L with
// ord_{p_1}(2) odd and ord_{p_{l+1}}(2) = p_l: the weights of a layer are ln(2) D times integers, D a
// common denominator of the values entering it with D = 1 modulo every prime of the tower (it exists
// by the Chinese remainder theorem and is never computed), so that z modulo p_l follows from the
// values modulo p_l.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/network/point.h>

namespace widecert {

// The multiplicative order of 2 modulo an odd prime below 2^31; 0 if it is more than `most`.
std::uint64_t order_of_two(std::uint64_t prime, std::uint64_t most);

// The number of sigmoid or tanh layers on every path to `target`, if lattice points reach it: linear
// nodes with free tensors, each followed by sigmoid or tanh only, average pools, sums and
// concatenations between them. `refused` receives the reason otherwise.
std::optional<std::size_t> lattice_depth(const Architecture& network, std::size_t target, std::string& refused);

// The values of `target` modulo the last prime of the tower, which has lattice_depth() primes. The
// point's tensors are integers; below the first activation they stand for ln(2) times the data's
// divisor times themselves (weights) and ln(2) times themselves (biases). Throws InputError if the
// tower or the tensors are not as required.
ResidueRows lattice_rows(const Architecture& network, const PointSpec& point, std::size_t target, const Dataset& data,
                         const std::vector<std::uint64_t>& tower);

}  // namespace widecert
