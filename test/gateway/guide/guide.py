"""The way of the guides, as a program: write a training file, upload it, create a training job, poll until it has ended,
infer, and compare with the labels; once for classification and once for segmentation. Nothing in it knows Swath but the
address and the token: no field is sent that the public service does not know.

usage: SWATH_URL=http://… SWATH_TOKEN=… python3 guide.py

Needs requests, requests-toolbelt, h5py and numpy (Debian: python3-requests python3-requests-toolbelt python3-h5py)."""

import os
import sys
import tempfile
import time

import h5py
import numpy as np
import requests
from requests_toolbelt import MultipartEncoder

URL = os.environ["SWATH_URL"]
HEADERS = {"Authorization": "Bearer " + os.environ["SWATH_TOKEN"]}
BANDS = ["red", "green", "blue"]
SIDE = 16
# A job of this size takes seconds; the rest is for a busy machine.
PATIENCE = 600


# Three classes: dark water, green fields, bright roofs.
MEANS = np.array([[40, 50, 80], [60, 110, 50], [150, 140, 130]], dtype=np.float32)


def chips(count, seed):
    """Chips that are of one class each, with noise that overlaps."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(MEANS)
    noise = random.normal(0, 30, (count, len(BANDS), SIDE, SIDE)).astype(np.float32)
    return MEANS[labels][:, :, None, None] + noise, labels


def maps(count, seed):
    """Chips whose quarters are of any classes each, with a class for each pixel."""
    random = np.random.default_rng(seed)
    labels = random.integers(len(MEANS), size=(count, 2, 2)).repeat(SIDE // 2, axis=1).repeat(SIDE // 2, axis=2)
    noise = random.normal(0, 15, (count, len(BANDS), SIDE, SIDE)).astype(np.float32)
    return MEANS[labels].transpose(0, 3, 1, 2) + noise, labels


def write(path, pixels, labels):
    """Writes a training file as the guides do: a sample is a compressed chunk."""
    sample = np.dtype([
        ("bands", "S10", (len(BANDS),)), ("gsd", "f4"), ("label", "i8", labels.shape[1:]), ("pixels", "f4", pixels.shape[1:]),
        ("platform", "S20"), ("point", "f4", (2,)), ("timestamp", "i8"),
    ])
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (len(labels),), dtype=sample, compression="gzip", compression_opts=1, chunks=(1,))
        for i, label in enumerate(labels):
            row = np.zeros((), dtype=sample)
            row["bands"], row["gsd"], row["label"], row["pixels"] = BANDS, 0.6, label, pixels[i]
            row["point"], row["timestamp"] = (-8.0, -34.85), 1722451316
            data[i] = row


def answer(response):
    """The JSON of a good answer."""
    if not response.ok:
        sys.exit(f"{response.request.method} {response.url}: {response.status_code} {response.text}")
    return response.json()


def upload(path):
    with open(path, "rb") as file:
        form = MultipartEncoder(fields={"file": (os.path.basename(path), file, "application/octet-stream")})
        uploaded = answer(requests.post(URL + "/files", data=form, headers={**HEADERS, "Content-Type": form.content_type}))
    assert uploaded["bytes"] == os.path.getsize(path) and uploaded["filename"] == os.path.basename(path), uploaded
    assert answer(requests.get(URL + "/files/" + uploaded["id"], headers=HEADERS)) == uploaded
    return uploaded["id"]


def train(task, training_file, validation_file, hyperparameters):
    job = answer(requests.post(URL + "/training/jobs", headers=HEADERS, json={
        "task": task, "training_file": training_file, "validation_file": validation_file, "hyperparameters": hyperparameters,
    }))
    assert job["hyperparameters"] == hyperparameters, job
    assert sorted(job) == sorted([
        "task", "training_file", "validation_file", "hyperparameters", "id", "created_at", "status", "error", "trained_model", "finished_at",
    ]), job
    seen, deadline = [], time.monotonic() + PATIENCE
    while job["status"] not in ("succeeded", "failed", "cancelled"):
        if time.monotonic() > deadline:
            sys.exit(f"the job has not ended within {PATIENCE} s: {job}")
        if job["status"] not in seen:
            seen.append(job["status"])
        time.sleep(0.5)
        job = answer(requests.get(URL + "/training/jobs/" + job["id"], headers=HEADERS))
    print("statuses:", " ".join(seen), job["status"])
    if job["status"] != "succeeded":
        sys.exit(f"the job ended so: {job}")
    assert job["trained_model"] and job["finished_at"] >= job["created_at"] and job["error"] is None, job
    return job


def infer(model, pixels):
    images = [
        {"gsd": 0.6, "bands": BANDS, "pixels": chip.tolist(), "platform": None, "wavelengths": None, "point": [-8.0, -34.85], "timestamp": 1722451316}
        for chip in pixels
    ]
    return answer(requests.post(URL + "/inference", headers=HEADERS, json={"model": model, "images": images}))["labels"]


def go(task, make, hyperparameters, wanted):
    """Goes the whole way, and compares the share of right answers with what is wanted."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, count, seed in (("train.h5", 120, 1), ("validation.h5", 60, 2)):
            path = os.path.join(folder, name)
            pixels, labels = make(count, seed)
            write(path, pixels, labels)
            files.append(upload(path))
    job = train(task, *files, hyperparameters)
    model = answer(requests.get(URL + "/models/" + job["trained_model"], headers=HEADERS))
    assert model["task"] == task and model["bytes"] > 0, model
    found = np.array(infer(job["trained_model"], pixels))
    assert found.shape == labels.shape, found.shape
    accuracy = np.mean(found == labels)
    print(f"{task}: accuracy {accuracy:.3f}")
    assert accuracy >= wanted, accuracy
    again = requests.delete(URL + "/training/jobs/" + job["id"], headers=HEADERS)
    assert again.status_code == 400, again.text
    assert again.json() == {"detail": "Training job is already finished with status: succeeded"}, again.text
    for file in files:
        answer(requests.delete(URL + "/files/" + file, headers=HEADERS))


def main():
    go("classification", chips, None, 0.9)
    go("segmentation", maps, {"num_classes": len(MEANS)}, 0.8)
    missing = requests.get(URL + "/files/file-missing", headers=HEADERS)
    assert missing.status_code == 404 and missing.json() == {"detail": "File not found"}, missing.text
    print("ok")


main()
