// Package plugin tests kubectl swath as a program, against a real API server and a real gateway: its exit codes and errors,
// what it does when connections and people end it, and its completion in the shells themselves.
package plugin
