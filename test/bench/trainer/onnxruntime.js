// Measures inference of an ONNX file in onnxruntime: the median of runs after warm-ups, as JSON.
// usage: NODE_PATH=node_modules node onnxruntime.js < input.json    as reference.py has it
'use strict'
const fs = require('fs')
const ort = require('onnxruntime-node')

const clocks = {
  wall: () => Number(process.hrtime.bigint()) / 1e6,
  cpu: () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e3 }
}

function peakMiB () {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
}

function median (values) {
  const sorted = values.toSorted ? values.toSorted((a, b) => a - b) : [...values].sort((a, b) => a - b)
  const n = sorted.length
  return (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2
}

async function main () {
  const { model, threads, clock, warmups, onnx } = JSON.parse(fs.readFileSync(0, 'utf8'))
  const session = await ort.InferenceSession.create(onnx, {
    executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all'
  })
  const dims = [model.batch, model.bands, model.side, model.side]
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => 2 * Math.random() - 1)
  const feed = { [session.inputNames[0]]: new ort.Tensor('float32', values, dims) }
  const times = []
  for (let i = 0; i < warmups + model.inferenceRuns; i++) {
    const start = clocks[clock]()
    await session.run(feed)
    if (i >= warmups) times.push(clocks[clock]() - start)
  }
  console.log(JSON.stringify({
    inferMillis: { onnxruntime: median(times) },
    peakMiB: peakMiB(),
    versions: { onnxruntime: require('onnxruntime-node/package.json').version, node: process.version }
  }))
}

main().catch(err => {
  console.error(String(err))
  process.exitCode = 1
})
