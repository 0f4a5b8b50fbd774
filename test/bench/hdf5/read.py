"""Reads a file with h5py and prints the CPU seconds of each pass, after one that does not count.

usage: python3 read.py FILE PASSES
"""
import sys
import time

import h5py
import numpy as np

BLOCK = 16
CACHE = 256 << 20

for number in range(int(sys.argv[2]) + 1):
    # The chunk cache belongs to the open file, so each pass opens it anew.
    start = time.process_time()
    with h5py.File(sys.argv[1], "r", rdcc_nbytes=CACHE, rdcc_nslots=10007) as f:
        data = f["data"]
        if number == 0:
            block = np.empty(BLOCK, data.dtype)
        for first in range(0, len(data), BLOCK):
            n = min(BLOCK, len(data) - first)
            data.read_direct(block, np.s_[first:first + n], np.s_[0:n])
    if number:
        print(time.process_time() - start)
