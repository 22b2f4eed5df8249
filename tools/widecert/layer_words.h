// Architectures in one line: "conv2d:3x3:50 sigmoid maxpool2d:2x2 dense:100 relu".
#pragma once

#include <widecert/network/architecture.h>

#include <string>

namespace widecert::tool {

// Appends the layers, named conv1, sigmoid1, ... Throws InputError naming the word.
void add_layers(Architecture& network, const std::string& line, BiasMode bias);

// What can be written there, for --help.
std::string layer_words();

}  // namespace widecert::tool
