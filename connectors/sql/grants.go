package sql

import (
	"slices"
	"strings"
)

// harmlessGrants are the rights with which nothing can be changed.
var harmlessGrants = []string{"SELECT", "SHOW DATABASES", "SHOW VIEW", "USAGE"}

// writableGrant returns what a line of SHOW GRANTS of MySQL or MariaDB lets
// the login change, or "". The line itself is never shown: it can hold the
// digest of a password.
func writableGrant(line string) string {
	rest, ok := strings.CutPrefix(line, "GRANT ")
	if !ok {
		return "a right that is not understood"
	}
	privileges, rest, ok := cutTopLevel(rest, " ON ")
	if !ok {
		return "a role, whose rights are not shown; grant SELECT to the login itself"
	}
	if _, rest, ok = cutTopLevel(rest, " TO "); !ok {
		return "a right that is not understood"
	}
	for _, p := range splitTopLevel(privileges) {
		if name, _, _ := strings.Cut(p, "("); !slices.Contains(harmlessGrants, strings.ToUpper(strings.TrimSpace(name))) {
			return grantName(name)
		}
	}
	if _, _, grants := cutTopLevel(rest, " WITH GRANT OPTION"); grants {
		return "GRANT OPTION"
	}
	return ""
}

// grantName returns the name of a privilege if it looks like one.
func grantName(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		return "a right that is not understood"
	}
	for i := range len(name) {
		if !isLetter(name[i]) && name[i] != ' ' {
			return "a right that is not understood"
		}
	}
	return name
}

// cutTopLevel cuts s around the first sep that is neither in quotes nor in
// parentheses.
func cutTopLevel(s, sep string) (before, after string, found bool) {
	for i := range topLevel(s) {
		if strings.HasPrefix(s[i:], sep) {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

// splitTopLevel splits s at commas that are neither in quotes nor parentheses.
func splitTopLevel(s string) []string {
	var parts []string
	for {
		before, after, found := cutTopLevel(s, ",")
		parts = append(parts, before)
		if !found {
			return parts
		}
		s = after
	}
}

// topLevel yields the positions of s outside of quotes and parentheses.
func topLevel(s string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		depth, quote := 0, byte(0)
		for i := range len(s) {
			switch c := s[i]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
				continue
			case c == '`' || c == '\'' || c == '"':
				quote = c
				continue
			case c == '(':
				depth++
			case c == ')':
				depth--
			}
			if depth == 0 && !yield(i) {
				return
			}
		}
	}
}
