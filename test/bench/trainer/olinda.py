"""A small U-Net and a small CNN in PyTorch on the Olinda chips, beside `trainer train`: time and quality of one run, as JSON.

The networks and the training are those of the project's PyTorch baseline (olinda_torch.py, which the targets of the trainer's defaults were
taken from): AdamW with a one-cycle learning rate, flips and transposition, 40 epochs. Only the memory format can be chosen, and the metrics are
computed from a confusion matrix here, so that scikit-learn is not needed.

usage: python3 olinda.py < input.json    {task, training, validation, threads, seed, epochs, batch, channelsLast}
"""
import json
import sys
import time

import h5py
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = 3


def load(path):
    with h5py.File(path, "r") as f:
        data = f["data"][:]
    return torch.tensor(data["pixels"].copy()), torch.tensor(data["label"].copy())


def block(inputs, outputs):
    layers = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, bands):
        super().__init__()
        self.e1, self.e2, self.e3 = block(bands, 16), block(16, 32), block(32, 64)
        self.d2, self.d1, self.head = block(32 + 64, 32), block(16 + 32, 16), nn.Conv2d(16, CLASSES, 1)

    def forward(self, x):
        a = self.e1(x)
        b = self.e2(F.max_pool2d(a, 2))
        c = self.e3(F.max_pool2d(b, 2))
        b = self.d2(torch.cat([b, F.interpolate(c, scale_factor=2)], 1))
        return self.head(self.d1(torch.cat([a, F.interpolate(b, scale_factor=2)], 1)))


class CNN(nn.Module):
    def __init__(self, bands):
        super().__init__()
        self.features = nn.Sequential(block(bands, 16), nn.MaxPool2d(2), block(16, 32), nn.MaxPool2d(2), block(32, 64))
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


def fit(model, pixels, labels, epochs, batch, rate=2e-3):
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.05)
    n = len(pixels)
    steps = epochs * ((n + batch - 1) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(n)
        for i in range(0, n, batch):
            x, y = pixels[order[i:i + batch]], labels[order[i:i + batch]]
            x, y = augment(x, y)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def augment(x, y):
    """Flips and transposes batches; labels of chips stay as they are."""
    for turn in (lambda t: t.flip(-1), lambda t: t.flip(-2), lambda t: t.transpose(-1, -2)):
        if torch.rand(1) < 0.5:
            x, y = turn(x), turn(y) if y.ndim == 3 else y
    return x, y


def quality(truth, predicted):
    counts = np.bincount(CLASSES * truth.ravel() + predicted.ravel(), minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    right, union = np.diag(counts), counts.sum(0) + counts.sum(1) - np.diag(counts)
    return {"accuracy": float(right.sum() / counts.sum()), "meanIoU": float((right[union > 0] / union[union > 0]).mean())}


def main():
    given = json.load(sys.stdin)
    torch.set_num_threads(given["threads"])
    torch.manual_seed(given["seed"])
    pixels, labels = load(given["training"])
    others, truth = load(given["validation"])
    mean, deviation = pixels.mean((0, 2, 3), keepdim=True), pixels.std((0, 2, 3), keepdim=True)
    pixels, others = (pixels - mean) / deviation, (others - mean) / deviation
    model = (UNet if given["task"] == "segmentation" else CNN)(pixels.shape[1])
    if given["channelsLast"]:
        model = model.to(memory_format=torch.channels_last)
        pixels, others = (x.contiguous(memory_format=torch.channels_last) for x in (pixels, others))
    start = time.perf_counter()
    fit(model, pixels, labels, given["epochs"], given["batch"])
    seconds = time.perf_counter() - start
    with torch.no_grad():
        predicted = model(others).argmax(1)
    answer = quality(truth.numpy(), predicted.numpy())
    answer["trainSeconds"] = seconds
    answer["samplesPerSecond"] = given["epochs"] * len(pixels) / seconds
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
