"""Makes the files that the HDF5 benchmark reads: mosaics of real chips (Olinda), in several layouts.

usage: python3 chips.py OLINDA_FILE FOLDER SAMPLES
"""
import sys

import h5py
import numpy as np

SIDE = 128
LAYOUTS = {
    "gzip, chunks=(1,)": dict(chunks=(1,), compression="gzip", compression_opts=1),
    "gzip, chunks=(16,)": dict(chunks=(16,), compression="gzip", compression_opts=1),
    "shuffle and gzip, chunks=(1,)": dict(chunks=(1,), compression="gzip", compression_opts=1, shuffle=True),
    "shuffle and gzip, chunks=(16,)": dict(chunks=(16,), compression="gzip", compression_opts=1, shuffle=True),
    "lzf, chunks=(1,)": dict(chunks=(1,), compression="lzf"),
    "contiguous": dict(),
}


def main():
    source, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with h5py.File(source, "r") as f:
        chips = f["data"]["pixels"]
    side = chips.shape[-1]
    bands = chips.shape[1]
    kind = np.dtype([
        ("bands", "S10", (bands,)), ("gsd", "<f4"), ("pixels", "<f4", (bands, SIDE, SIDE)), ("platform", "S20"),
        ("point", "<f4", (2,)), ("timestamp", "<i8"), ("label", "<i8"),
    ])
    random = np.random.default_rng(1)
    samples = np.zeros(count, kind)
    tiles = SIDE // side
    for sample in samples:
        picked = chips[random.integers(0, len(chips), tiles * tiles)].reshape(tiles, tiles, bands, side, side)
        sample["pixels"] = picked.transpose(2, 0, 3, 1, 4).reshape(bands, SIDE, SIDE)
        sample["bands"] = [b"blue", b"green", b"red"][:bands]
    samples["label"] = np.arange(count) % 3
    for number, (name, options) in enumerate(LAYOUTS.items()):
        with h5py.File(f"{folder}/{number}.h5", "w") as f:
            f.create_dataset("data", data=samples, **options)
        print(name)


main()
