// Package jobs finds, makes and cancels the TrainingJobs of a cluster by the IDs that they have in the HTTP API.
//
// A cache tells which object an ID belongs to and what lists show of jobs that have ended. Whatever may still change is read
// from the API server, so that all replicas of the gateway give the same answers.
package jobs
