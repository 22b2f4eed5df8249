// Architectures in one line: "conv2d:3x3:50 sigmoid maxpool2d:2x2 dense:100 relu".
#pragma once

#include <widecert/network/architecture.h>

#include <map>
#include <string>

namespace widecert::tool {

// Appends the layers, named conv1, sigmoid1, ... Throws InputError naming the word. Batch norms, with scale 1 and shift
// 0, only where `epsilon` takes theirs, by name: their numbers come from elsewhere.
void add_layers(Architecture& network, const std::string& line, BiasMode bias,
                std::map<std::string, double>* epsilon = nullptr);

// What can be written there, for --help.
std::string layer_words();

}  // namespace widecert::tool
