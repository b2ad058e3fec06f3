package config

import (
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// AnyOf is a list of values, or ANY. The zero value allows none.
type AnyOf[T ~string] struct {
	Any bool
	Of  []T
}

// Has reports whether x is allowed.
func (a AnyOf[T]) Has(x T) bool { return a.Any || slices.Contains(a.Of, x) }

// covers reports whether everything that b allows is allowed.
func (a AnyOf[T]) covers(b AnyOf[T]) bool {
	if a.Any || b.Any {
		return a.Any
	}
	return !slices.ContainsFunc(b.Of, func(x T) bool { return !a.Has(x) })
}

// IsZero reports whether none is allowed.
func (a AnyOf[T]) IsZero() bool { return !a.Any && len(a.Of) == 0 }

func (a *AnyOf[T]) unmarshalNode(d *decoder, n ast.Node, path string) {
	a.Any = d.listOrAll(n, path, "ANY", func(item ast.Node, path string) {
		var x T
		d.value(reflect.ValueOf(&x).Elem(), item, path)
		a.Of = append(a.Of, x)
	})
}

// special reads the sets of package care, which are written as lists.
func (d *decoder) special(v reflect.Value, n ast.Node, path string) (handled bool) {
	set, ok := v.Addr().Interface().(*care.SectionSet)
	if !ok {
		return false
	}
	var listed care.SectionSet
	all := d.listOrAll(n, path, "ALL", func(item ast.Node, path string) {
		var s care.Section
		d.value(reflect.ValueOf(&s).Elem(), item, path)
		listed = listed.With(s)
	})
	if all {
		listed = care.AllSections
	}
	*set = listed
	return true
}

// listOrAll calls read for each item of a list, and reports whether the list
// holds the word for everything instead, which must then stand alone.
func (d *decoder) listOrAll(n ast.Node, path, word string, read func(item ast.Node, path string)) (all bool) {
	items := d.items(n, path)
	for i, item := range items {
		switch s, _, _ := scalarOf(item); {
		case s.text != word:
			read(item, index(path, i))
		case len(items) > 1:
			d.fail(start(item), index(path, i), word+" must stand alone; delete it or the rest of the list")
		default:
			all = true
		}
	}
	return all
}

// Size is a number of bytes, written with its unit: B, KiB, MiB or GiB.
type Size int64

// The units.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// UnmarshalText reads a size such as "256MiB". The error has Kind BadRequest.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "BGKMi")
	n, err := strconv.ParseUint(digits, 10, 32)
	for _, unit := range []struct {
		name  string
		bytes Size
	}{{"B", 1}, {"KiB", KiB}, {"MiB", MiB}, {"GiB", GiB}} {
		if err == nil && string(text) == strconv.FormatUint(n, 10)+unit.name {
			*s = Size(n) * unit.bytes
			return nil
		}
	}
	return &care.Error{Kind: care.BadRequest, Op: "config.Size",
		Detail: "is not a size; write a whole number and its unit, such as 64KiB, 256MiB or 1GiB"}
}

// String returns the size in the largest unit that divides it.
func (s Size) String() string {
	switch {
	case s != 0 && s%GiB == 0:
		return strconv.FormatInt(int64(s/GiB), 10) + "GiB"
	case s != 0 && s%MiB == 0:
		return strconv.FormatInt(int64(s/MiB), 10) + "MiB"
	case s != 0 && s%KiB == 0:
		return strconv.FormatInt(int64(s/KiB), 10) + "KiB"
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// RoleCode is a code of a person's role, such as the SDS job role R0260 or the
// RBAC code S0030:G0100:R0570: up to 128 letters, digits and ":".
type RoleCode string

// UnmarshalText reads a role code. The error has Kind BadRequest.
func (c *RoleCode) UnmarshalText(text []byte) error {
	if len(text) == 0 || len(text) > 128 || strings.ContainsFunc(string(text), notRole) {
		return &care.Error{Kind: care.BadRequest, Op: "config.RoleCode",
			Detail: "is not a role code; expected letters, digits and \":\", such as R0260, or ANY"}
	}
	*c = RoleCode(text)
	return nil
}

func notRole(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != ':'
}

// CodeSystem is the URI of a code system. The file may use a short name for
// the ones below.
type CodeSystem string

// The code systems with short names.
const (
	SNOMED CodeSystem = "http://snomed.info/sct"  // "SNOMED"
	READ2  CodeSystem = "http://read.info/readv2" // "READ2"
	CTV3   CodeSystem = "http://read.info/ctv3"   // "CTV3"
)

// UnmarshalText reads a URI or a short name. The error has Kind BadRequest.
func (c *CodeSystem) UnmarshalText(text []byte) error {
	switch string(text) {
	case "SNOMED":
		*c = SNOMED
	case "READ2":
		*c = READ2
	case "CTV3":
		*c = CTV3
	default:
		if !absoluteURI(string(text)) {
			return &care.Error{Kind: care.BadRequest, Op: "config.CodeSystem",
				Detail: "is not a code system; expected SNOMED, READ2, CTV3 or a URI"}
		}
		*c = CodeSystem(text)
	}
	return nil
}

// absoluteURI reports whether text is a URI with a scheme and no spaces.
func absoluteURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host+u.Opaque != "" && u.String() == text
}
