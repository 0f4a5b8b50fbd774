// Runs a model with onnxruntime: node run.js MODEL PIXELS BATCH BANDS HEIGHT WIDTH > LOGITS
// PIXELS and LOGITS are float32, little-endian, in the order of the tensors.
'use strict'
const fs = require('fs')
const ort = require('onnxruntime-node')

async function main () {
  const [model, pixels, ...dims] = process.argv.slice(2)
  const bytes = fs.readFileSync(pixels)
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  const session = await ort.InferenceSession.create(model)
  const { logits } = await session.run({ pixels: new ort.Tensor('float32', values, dims.map(Number)) })
  process.stdout.write(Buffer.from(logits.data.buffer, logits.data.byteOffset, logits.data.byteLength))
}

main().catch(err => {
  console.error(String(err))
  process.exitCode = 1
})
