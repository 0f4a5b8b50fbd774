package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// fingerprints remembers the pixels of samples by a hash of 64 bits: 16 bytes a
// sample, whatever its size. Equal hashes are compared in full before a sample is
// refused, so neither chance nor intent makes two samples look like one. The hash
// is the same in every process, since splits depend on it.
type fingerprints struct {
	buf []byte
	all []fingerprint
}

type fingerprint struct {
	hash   uint64
	sample int32
}

func newFingerprints() *fingerprints {
	return &fingerprints{buf: make([]byte, 1<<14)}
}

// hash hashes pixels by their values, so that it is the same for whatever type
// the file has them in; -0 is 0.
func (p *fingerprints) hash(pixels []float32) uint64 {
	h := xxhash.New()
	for len(pixels) > 0 {
		n := min(len(pixels), len(p.buf)/4)
		for i, v := range pixels[:n] {
			binary.LittleEndian.PutUint32(p.buf[4*i:], math.Float32bits(v+0))
		}
		_, _ = h.Write(p.buf[:4*n]) // never fails
		pixels = pixels[n:]
	}
	return h.Sum64()
}

func (p *fingerprints) add(sample int, hash uint64) {
	p.all = append(p.all, fingerprint{hash, int32(sample)})
}

// seal sorts what was added, for find and twins.
func (p *fingerprints) seal() {
	slices.SortFunc(p.all, func(a, b fingerprint) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return int(a.sample) - int(b.sample)
	})
}

// find gives the samples with a hash, in the order of the file.
func (p *fingerprints) find(hash uint64) []fingerprint {
	first, _ := slices.BinarySearchFunc(p.all, hash, func(f fingerprint, h uint64) int {
		switch {
		case f.hash < h:
			return -1
		case f.hash > h:
			return 1
		}
		return 0
	})
	end := first
	for end < len(p.all) && p.all[end].hash == hash {
		end++
	}
	return p.all[first:end]
}

// twins calls join for samples with the same hash.
func (p *fingerprints) twins(join func(a, b int32)) {
	for k := 1; k < len(p.all); k++ {
		if p.all[k].hash == p.all[k-1].hash {
			join(p.all[k-1].sample, p.all[k].sample)
		}
	}
}

// twin looks in a training file for a sample with the same pixels.
type twin struct {
	prints *fingerprints
	reader *Reader
	sample Sample
}

// of returns the number of the first such sample, or -1.
func (t *twin) of(pixels []float32) (int, error) {
	for _, candidate := range t.prints.find(t.prints.hash(pixels)) {
		if err := t.reader.ReadSample(int(candidate.sample), &t.sample); err != nil {
			return -1, fmt.Errorf("comparing samples: %w", err)
		}
		if slices.Equal(t.sample.Pixels, pixels) {
			return int(candidate.sample), nil
		}
	}
	return -1, nil
}

// constant says whether every band of a chip has one value only: water, snow or
// no data look alike anywhere.
func constant(pixels []float32, area int) bool {
	for len(pixels) > 0 {
		for _, v := range pixels[1:area] {
			if v != pixels[0] {
				return false
			}
		}
		pixels = pixels[area:]
	}
	return true
}
