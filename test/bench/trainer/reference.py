"""The reference networks of test/bench/trainer in PyTorch: medians of training steps and inference runs, as JSON.

usage: THREADS=2 CLOCK=wall python3 reference.py < references.json    (a list of {name, bands, side, batch, classes, segmentation, trainSteps, inferenceRuns})
"""
import json
import os
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

WARMUPS = 3
THREADS = int(os.environ["THREADS"])
CLOCK = {"wall": time.perf_counter, "cpu": time.process_time}[os.environ["CLOCK"]]


def convolution(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class Classifier(nn.Module):
    def __init__(self, bands, classes):
        super().__init__()
        layers = []
        for channels in (16, 32, 64, 64):
            layers += convolution(bands, channels) + [nn.MaxPool2d(2)]
            bands = channels
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(bands, classes)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class UNet(nn.Module):
    def __init__(self, bands, classes):
        super().__init__()

        def double(inputs, outputs):
            return nn.Sequential(*convolution(inputs, outputs), *convolution(outputs, outputs))

        self.encoder1, self.encoder2, self.bottom = double(bands, 16), double(16, 32), double(32, 64)
        self.decoder2, self.decoder1 = double(64 + 32, 32), double(32 + 16, 16)
        self.head = nn.Conv2d(16, classes, 1)
        self.pool, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x):
        e1 = self.encoder1(x)
        e2 = self.encoder2(self.pool(e1))
        bottom = self.bottom(self.pool(e2))
        d2 = self.decoder2(torch.cat([self.up(bottom), e2], 1))
        return self.head(self.decoder1(torch.cat([self.up(d2), e1], 1)))


def median_millis(runs, run):
    times = []
    for i in range(WARMUPS + runs):
        start = CLOCK()
        run()
        if i >= WARMUPS:
            times.append((CLOCK() - start) * 1000)
    return statistics.median(times)


def measure(reference):
    side, batch, classes = reference["side"], reference["batch"], reference["classes"]
    model = (UNet if reference["segmentation"] else Classifier)(reference["bands"], classes)
    model = model.to(memory_format=torch.channels_last)
    pixels = torch.randn(batch, reference["bands"], side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch, side, side) if reference["segmentation"] else (batch,))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def step():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(pixels), labels)
        loss.backward()
        optimizer.step()

    train = median_millis(reference["trainSteps"], step)
    model.eval()
    runs, infer = reference["inferenceRuns"], {}
    with torch.no_grad():
        infer["PyTorch"] = median_millis(runs, lambda: model(pixels))
        frozen = torch.jit.freeze(torch.jit.trace(model, pixels))
        infer["TorchScript"] = median_millis(runs, lambda: frozen(pixels))
    session = onnx_session(model, pixels)
    if session:
        feed = {"x": pixels.contiguous().numpy()}
        infer["onnxruntime"] = median_millis(runs, lambda: session.run(None, feed))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"name": reference["name"], "trainMillis": train, "inferMillis": infer, "peakMiB": peak}


def onnx_session(model, pixels):
    """A session of onnxruntime, where that is installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    import io

    file = io.BytesIO()
    torch.onnx.export(model, pixels, file, input_names=["x"], opset_version=13)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])


def main():
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    timings = [measure(reference) for reference in json.load(sys.stdin)]
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability()
                if hasattr(torch.backends, "cpu") else "", "mkldnn": str(torch.backends.mkldnn.is_available())}
    json.dump({"versions": versions, "timings": timings}, sys.stdout)


if __name__ == "__main__":
    main()
