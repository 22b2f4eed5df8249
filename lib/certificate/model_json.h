// JSON of networks, datasets and tensors, shared by case files and claims.
#pragma once

#include <widecert/certificate/claim.h>
#include <widecert/certificate/json.h>

namespace widecert {

Json to_json(const Architecture& network);
Architecture read_network(JsonReader in);

Json to_json(const DatasetSpec& data);
DatasetSpec read_dataset(JsonReader in);

Json to_json(const TensorSpec& tensor);
TensorSpec read_tensor(JsonReader in);

Json to_json(const PointSpec& point);
PointSpec read_point(JsonReader in);

}  // namespace widecert
