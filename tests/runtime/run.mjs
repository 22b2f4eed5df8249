// node run.mjs MODEL.onnx INPUT.json: the outputs of onnxruntime, as JSON. INPUT: {"shape": [...], "values": [...]}
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";
const [model, input] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(model)));
const given = JSON.parse(readFileSync(input));
const name = session.inputNames[0];
for (const type of ["float32", "float64"]) {
  try {
    const data = type === "float32" ? Float32Array.from(given.values) : Float64Array.from(given.values);
    const out = await session.run({ [name]: new ort.Tensor(type, data, given.shape) });
    const y = out[session.outputNames[0]];
    console.log(JSON.stringify({ type, shape: y.dims, values: Array.from(y.data) }));
    process.exit(0);
  } catch (error) {
    if (type === "float64") { console.error(String(error)); process.exit(1); }
  }
}
