// Package training trains models on checked training files: it chooses hyperparameters by the data, builds the network,
// runs the loop with its hooks (results, checkpoints, progress), chooses the weights, and writes what a job leaves.
package training
