package care

import (
	"fmt"
	"strings"
)

// Plain returns the text of an error for people at the site or the region:
// what, where, and what to do, as Error.Error has it, but without the names of
// the parts of the program, wherever in the chain of err they stand.
func Plain(err error) string {
	if e, ours := err.(*Error); ours {
		return e.plain()
	}
	var causes []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		causes = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		causes = e.Unwrap()
	}
	text := err.Error()
	for _, cause := range causes {
		if cause != nil {
			text = strings.Replace(text, cause.Error(), Plain(cause), 1)
		}
	}
	return text
}

// Count returns a number of things in words, such as "1 alert", "2 alerts" or
// "0 entries", of the word for one of them.
func Count[N int | int32 | int64 | uint32 | uint64](n N, one string) string {
	many := one + "s"
	if stem, y := strings.CutSuffix(one, "y"); y {
		many = stem + "ies"
	} else if strings.HasSuffix(one, "s") {
		many = one + "es"
	}
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}
