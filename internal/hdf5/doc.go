// Package hdf5 reads and writes the HDF5 files that training data comes in: one
// one-dimensional dataset of compound records, a record for each sample.
//
// It is not a general HDF5 library. It reads what h5py and the HDF5 library
// write for such a dataset: superblocks 0 to 3, both kinds of object headers,
// compact, contiguous and chunked storage with every chunk index, the filters
// deflate, shuffle, fletcher32 and lzf, and the common number and string types
// in either byte order. Numbers in comments like "IV.A.1" are the sections of
// the HDF5 File Format Specification, version 3.0.
//
// Files come from users, so every byte of them is suspect: sizes are checked
// before memory is taken, decompression is bounded by the size that the file
// declares, and no input makes the package panic. What is wrong with a file is
// an [*Error], which names the file, the chunk and the byte.
package hdf5
