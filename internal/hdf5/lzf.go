package hdf5

import "fmt"

// unlzf decompresses LibLZF's format, which h5py's filter "lzf" writes, into out
// and returns how many bytes it made: runs of literals and copies of what came
// at most 8 KiB before.
func unlzf(out, in []byte) (int, error) {
	damaged := func() (int, error) { return 0, fmt.Errorf("the lzf data are damaged") }
	o := 0
	for i := 0; i < len(in); {
		control := int(in[i])
		i++
		if control < 32 {
			n := control + 1
			if i+n > len(in) {
				return damaged()
			}
			if o+n > len(out) {
				return 0, fmt.Errorf("the lzf data decompress to more than the %d bytes of a chunk", len(out))
			}
			copy(out[o:], in[i:i+n])
			i, o = i+n, o+n
			continue
		}
		n := control >> 5
		if n == 7 {
			if i >= len(in) {
				return damaged()
			}
			n += int(in[i])
			i++
		}
		if i >= len(in) {
			return damaged()
		}
		from := o - (control&31)<<8 - int(in[i]) - 1
		i++
		n += 2
		if from < 0 {
			return damaged()
		}
		if o+n > len(out) {
			return 0, fmt.Errorf("the lzf data decompress to more than the %d bytes of a chunk", len(out))
		}
		copyWithin(out, o, from, n)
		o += n
	}
	return o, nil
}

// copyWithin repeats n bytes that begin at from, which may overlap what is
// written: then the bytes between are a pattern that goes on.
func copyWithin(out []byte, to, from, n int) {
	if to-from >= n {
		copy(out[to:to+n], out[from:from+n])
		return
	}
	for k := range n {
		out[to+k] = out[from+k]
	}
}
