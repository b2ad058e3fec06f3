// Package codes is the list of coded entries by which a patient's wishes stand
// in a GP or hospital record system, and what each of them means for sharing
// for the patient's own care.
//
// Few of them do: a dissent to local sharing does. The opt-outs from research
// and planning (national data opt-out, type 1, type 2) and the codes of the
// Summary Care Record are about other things and must not block a patient's
// care. The list that is shipped says where each code was published; a site may
// give its own instead. packaging/doc/consent-codes.md is written from it.
package codes

//go:generate go test -run ^TestCodesDocument$ -update .
