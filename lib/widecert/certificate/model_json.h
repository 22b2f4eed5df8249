// JSON of networks, datasets, tensors, points and families, shared by case files, claims and certificates.
#pragma once

#include <widecert/certificate/json.h>
#include <widecert/data/dataset.h>
#include <widecert/network/family.h>
#include <widecert/network/targets.h>

namespace widecert {

Json to_json(const Architecture& network);
Architecture read_network(JsonReader in);

Json to_json(const DatasetSpec& data);
DatasetSpec read_dataset(JsonReader in);

Json to_json(const TensorSpec& tensor);
TensorSpec read_tensor(JsonReader in);

Json to_json(const Classes& classes);
Classes read_classes(JsonReader in);
Json to_json(const TargetsSpec& targets);
TargetsSpec read_targets(JsonReader in);

Json to_json(const PointSpec& point);
PointSpec read_point(JsonReader in);

Json to_json(const Family& family);
Family read_family(JsonReader in);

}  // namespace widecert
