// Package contract is what the operator and the trainer agree on: stages, flags
// and environment, mount paths, exit codes, termination messages and progress.
// It is the only package that both sides import. docs/contract.md describes it
// for those who put a trainer image of their own in the place of ours.
package contract
