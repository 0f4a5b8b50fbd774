"""One of the reference networks of test/bench/trainer in PyTorch: medians of training steps and inference runs, as JSON.

usage: python3 reference.py < input.json    {model: {name, bands, side, batch, classes, segmentation, trainSteps, inferenceRuns},
                                             threads, clock: wall | cpu, warmups, precision: float32 | bfloat16, limitSeconds, onnx: FILE}
"""
import contextlib
import json
import statistics
import sys
import time

import h5py
import torch
from torch import nn
from torch.nn import functional


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


class Stopwatch:
    """Takes medians of runs after warm-ups; past a limit of seconds it ends with what it has, be it a warm-up."""

    def __init__(self, given):
        self.clock = {"wall": time.perf_counter, "cpu": time.process_time}[given["clock"]]
        self.warmups, self.limit = given["warmups"], given["limitSeconds"]

    def median_millis(self, runs, run):
        times, begin = [], time.monotonic()
        for i in range(self.warmups + runs):
            start = self.clock()
            run()
            late = time.monotonic() - begin > self.limit
            if i >= self.warmups or late:
                times.append((self.clock() - start) * 1000)
            if late:
                break
        return statistics.median(times)


def peak_mib():
    """The most memory that this process has had resident."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def measure(given):
    reference, watch = given["model"], Stopwatch(given)
    side, batch, classes = reference["side"], reference["batch"], reference["classes"]
    model = (UNet if reference["segmentation"] else Classifier)(reference["bands"], classes)
    model = model.to(memory_format=torch.channels_last)
    pixels = torch.randn(batch, reference["bands"], side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch, side, side) if reference["segmentation"] else (batch,))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    half = given["precision"] == "bfloat16"

    def precision():
        return torch.autocast("cpu", dtype=torch.bfloat16) if half else contextlib.nullcontext()

    def step():
        optimizer.zero_grad()
        with precision():
            loss = functional.cross_entropy(model(pixels), labels)
        loss.backward()
        optimizer.step()

    def infer():
        with precision():
            model(pixels)

    answer = {"trainMillis": watch.median_millis(reference["trainSteps"], step), "peakMiB": peak_mib()}
    model.eval()
    runs = reference["inferenceRuns"]
    with torch.no_grad():
        answer["inferMillis"] = {"PyTorch": watch.median_millis(runs, infer)}
        if not half:
            frozen = torch.jit.freeze(torch.jit.trace(model, pixels))
            answer["inferMillis"]["TorchScript"] = watch.median_millis(runs, lambda: frozen(pixels))
    return answer


def versions():
    found = {"python": sys.version.split()[0], "torch": torch.__version__, "onednn": str(torch.backends.mkldnn.is_available()),
             "h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version}
    for line in torch.__config__.show().splitlines():
        name, _, value = line.strip(" -").partition(": ")
        if name == "CPU capability usage":
            found["capability"] = value
    return found


def blas():
    """The file names of the linear algebra libraries that this process has loaded, or that torch has within it."""
    names = set()
    with open("/proc/self/maps") as maps:
        for line in maps:
            name = line.rstrip().rsplit("/", 1)[-1]
            if "blas" in name or "mkl" in name:
                names.add(name)
    if torch.backends.mkl.is_available():
        names.add("mkl")
    return " ".join(sorted(names))


def main():
    given = json.load(sys.stdin)
    torch.manual_seed(0)
    torch.set_num_threads(given["threads"])
    answer = measure(given)
    answer["versions"] = dict(versions(), blas=blas())
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
