// Package gateway tests the HTTP API against a real API server: by the documented exchanges, by what goes wrong, and by two
// tenants that must not see each other. Every answer in these tests is checked against the OpenAPI document.
package gateway
