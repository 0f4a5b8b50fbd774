// Package dataset turns training files into checked samples and batches.
//
// A training file is HDF5 with one dataset, "data", of compound records: a chip
// of a satellite image with its bands, place and time, and its label. [Open]
// reads a file's layout, [Validate] checks every sample by the rules of a valid
// file, and a [Loader] makes batches of them, epoch after epoch, from memory or
// straight from the file.
//
// What is wrong with a file is an [*InvalidError]: a user's mistake, which no
// retry mends. Other errors are the system's: a file that is not there, a disk
// that fails.
package dataset
