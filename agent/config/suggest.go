package config

import "strings"

// didYouMean returns "; did you mean X?" when one of the names is close to the
// text, and otherwise names what is possible if that is a short list.
func didYouMean(text string, names []string) string {
	if name, ok := closest(text, names); ok {
		return "; did you mean " + name + "?"
	}
	if len(names) == 0 {
		return ""
	}
	return "; expected one of " + strings.Join(names, ", ")
}

// closest returns the name with the smallest edit distance to text, if that is
// no more than a third of its length; a name that was cut short or went on
// counts as one edit. Case, "-" and "_" do not count.
func closest(text string, names []string) (best string, ok bool) {
	const longest = 64
	if len(text) > longest {
		return "", false
	}
	fold := strings.NewReplacer("-", "", "_", "", " ", "")
	text = fold.Replace(strings.ToLower(text))
	least := nowhere
	for _, name := range names {
		folded := fold.Replace(strings.ToLower(name))
		n := editDistance(text, folded)
		if min(len(text), len(folded)) >= 3 && (strings.HasPrefix(text, folded) || strings.HasPrefix(folded, text)) {
			n = min(n, 1)
		}
		if n < least && n <= max(1, len(folded)/3) {
			least, best = n, name
		}
	}
	return best, best != ""
}

// editDistance counts the bytes to insert, delete or replace and the
// neighbours to swap (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
