// Package verifier holds verify.py, a verifier of journals in another language
// that was written from packaging/doc/journal-format.md alone, and the test
// that it and package agent/audit/verify agree. It needs python3.
package verifier
