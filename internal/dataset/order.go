package dataset

// windowBytes is how much of a file is mixed at a time when its chunks hold
// several samples each: large enough that a batch has samples of many chunks,
// small enough for a container of 512 MiB beside a model. It is part of what the
// order depends on, so it is a constant and not a setting.
const windowBytes = 64 << 20

// window is a stretch of the order, from first to before end, whose samples are
// those of a few chunks.
type window struct {
	first, end int
	chunks     []span
}

// plan is the order in which the samples of a view come in one epoch, as
// positions in the view, and for files whose chunks hold several samples the
// windows that it consists of.
type plan struct {
	order   []int32
	windows []window
}

// sequential is the order of the file.
func (v *View) sequential() plan {
	p := plan{order: make([]int32, v.Len())}
	for i := range p.order {
		p.order[i] = int32(i)
	}
	return p
}

// shuffled is the order of an epoch. It depends on seed, epoch, and how the file
// is laid out, and on nothing else: not on memory, cores or what was read before.
//
// Where a chunk is a sample, or no filter forces whole chunks to be read, it is
// a permutation of all samples. Elsewhere the chunks are permuted and taken
// together in windows of windowBytes, at least two chunks, and the samples of a
// window are permuted: so each chunk is decompressed once an epoch.
func (v *View) shuffled(seed uint64, epoch int) plan {
	perRead := v.f.data.SamplesPerRead()
	samples := newRandom(seed, streamSamples, epoch)
	if perRead == 1 {
		p := v.sequential()
		shuffle(samples, 0, p.order)
		return p
	}
	chunks := v.chunks(perRead)
	shuffle(newRandom(seed, streamChunks, epoch), 0, chunks)
	atOnce := max(2, v.f.window/(perRead*v.f.bytesPerSample()))
	p := plan{order: make([]int32, 0, v.Len())}
	taken := uint64(0)
	for len(chunks) > 0 {
		n := min(atOnce, len(chunks))
		first := len(p.order)
		for _, c := range chunks[:n] {
			for i := c.first; i < c.end; i++ {
				p.order = append(p.order, int32(i))
			}
		}
		taken = shuffle(samples, taken, p.order[first:])
		p.windows = append(p.windows, window{first: first, end: len(p.order), chunks: chunks[:n]})
		chunks = chunks[n:]
	}
	return p
}

// span is a stretch of a view, from position first to before end.
type span struct{ first, end int }

// chunks cuts the view where a chunk of the file ends.
func (v *View) chunks(perRead int) []span {
	var all []span
	for i := 0; i < v.Len(); {
		chunk := v.Sample(i) / perRead
		j := i + 1
		for j < v.Len() && v.Sample(j)/perRead == chunk {
			j++
		}
		all = append(all, span{i, j})
		i = j
	}
	return all
}

// bytesPerSample is what a decoded sample takes: float32 pixels, int16 labels.
func (f *File) bytesPerSample() int {
	return 4*f.PixelsPerSample() + 2*f.LabelsPerSample()
}
