package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many problems are kept; a file with more is not this file.
const maxProblems = 100

// decoder turns the nodes of one document into Go values and collects what is
// wrong with them. A value that is at fault is left as it was.
type decoder struct {
	doc       *document
	catalogue Catalogue
	problems  Problems
	more      int              // problems beyond maxProblems
	places    map[string]place // by path: where each value that was read stands
	faulty    []string         // paths already complained about, so that nothing is said twice
}

// place is a position in the file, both numbers from 1.
type place struct{ line, column int }

// fail records what was found while reading.
func (d *decoder) fail(at place, path, detail string) {
	if path != "" {
		d.faulty = append(d.faulty, path)
	}
	d.add(at, path, detail)
}

// report records what was found by comparing the value at path with others.
// If one of them could not be read, the follow-up would only confuse.
func (d *decoder) report(path, detail string, others ...string) {
	if d.readable(path) && !slices.ContainsFunc(others, func(p string) bool { return !d.readable(p) }) {
		d.add(d.placeOf(path), path, detail)
	}
}

// readable reports whether nothing is wrong with the value at path, what is in
// it and what it is in.
func (d *decoder) readable(path string) bool {
	return !slices.ContainsFunc(d.faulty, func(bad string) bool { return within(bad, path) || within(path, bad) })
}

// within reports whether path is parent or lies below it.
func within(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// placeOf returns where the value of a path stands or, when it is not there,
// the nearest part of the file that holds it.
func (d *decoder) placeOf(path string) place {
	for path != "" {
		if at, ok := d.places[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return place{1, 1}
}

func (d *decoder) add(at place, path, detail string) {
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	d.problems = append(d.problems, Problem{File: d.doc.file, Line: at.line, Column: at.column, Path: path, Detail: detail})
}

// full reports whether further problems would not be shown.
func (d *decoder) full() bool { return len(d.problems) == maxProblems }

// finish returns the problems in the order of the file, with their lines.
func (d *decoder) finish() Problems {
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for i := range d.problems {
		d.problems[i].Text = d.doc.show(d.problems[i].Line)
	}
	if d.more > 0 {
		last := &d.problems[maxProblems-1]
		last.Detail += fmt.Sprintf(" (and %d more problems)", d.more)
	}
	return d.problems
}
