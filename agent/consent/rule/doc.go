// Package rule is what patients have said about sharing, and what it means: the
// statements that an authority holds of one patient (Entry), and the one pure
// function that decides from them, the request and the age of what is known
// (Decide). It does no input or output and knows no clock.
//
// The rules in short; packaging/doc/consent-decisions.md has them for people
// who read no Go, with every case as a table that the tests run:
//
//   - Two matters never touch each other: sharing (dissent, consent) and
//     findability (restriction, unrestricted).
//   - Of one authority the latest effective statement wins, of two of the same
//     moment the one recorded later, and then the one that withholds. What a
//     site says now it dates after all that it said before (Entry.Last), so that
//     no clock decides it.
//   - A statement about everything also takes the place of those about one
//     organisation or one section that are not later. A consent for one of them
//     lifts a dissent about that one only.
//   - Between authorities the most restrictive wins.
//   - Of two NHS numbers of one person, what either withheld before they were
//     linked is withheld for both, until a consent of a later date.
//   - Nobody overrides a dissent or a restriction; break-glass stands in for
//     asking the patient, and for nothing else.
//   - Silence, and an earlier consent, count only when everyone who has to be
//     heard has been heard lately.
//
// Dissent is not overridden at the point of care, and a restricted patient is
// answered exactly like an unknown one (GP Connect 1.6, design principles for
// information governance).
package rule

//go:generate go test -run ^TestDecisionsDocument$ -update .
