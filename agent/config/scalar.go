package config

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// scalar is a single value as the file has it. Its text is the source text:
// what YAML would make of 0123, 1.50 or yes is not asked.
type scalar struct {
	text   string
	quoted bool // or a block: certainly a text, never a number or a yes-or-no
}

// scalarOf returns the scalar of a node and what is wrong with it, if anything.
func scalarOf(n ast.Node) (s scalar, detail string, ok bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return scalar{n.Value.Value, true}, badText(n.Value.Value), true
	case *ast.StringNode:
		s = scalar{n.Value, n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType}
		if !s.quoted && strings.Contains(strings.TrimSpace(n.Token.Origin), "\n") {
			// A slip in the indentation of a list joins two entries into one.
			return s, "goes on over several lines; check the indentation, or put it into quotes", true
		}
		return s, badText(s.text), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return scalar{text: n.GetToken().Value}, "", true
	}
	return scalar{}, "", false
}

// badText finds the characters that only an escape can bring into a value.
func badText(text string) string {
	for _, r := range text {
		if invisible(r) && r != '\n' && r != '\t' {
			return "holds a character that cannot be seen"
		}
	}
	return ""
}

// scalar reads n into v if v is of a type that is written as a single value.
func (d *decoder) scalar(v reflect.Value, n ast.Node, path string) (handled bool) {
	s, detail, ok := scalarOf(n)
	if !ok {
		if isScalar(v) {
			d.fail(start(n), path, "expected a single value")
			return true
		}
		return false
	}
	if detail == "" {
		if detail, ok = setScalar(v, s); !ok {
			return false
		}
	}
	if detail != "" {
		d.fail(start(n), path, d.quote(s.text, start(n))+" "+detail)
	}
	return true
}

// quote returns a value for a message, unless it is or may hold a secret.
func (d *decoder) quote(text string, at place) string {
	if d.doc.secret(at.line, at.column) {
		return "the value"
	}
	return quote(text)
}

func quote(text string) string {
	if secretKey.MatchString(text) || secretURL.MatchString(text) || strings.Contains(text, "-----BEGIN") {
		return mask
	}
	return strconv.Quote(clip(text))
}

// isScalar reports whether values of v's type are written as a single value.
func isScalar(v reflect.Value) bool {
	_, ok := setScalar(reflect.New(v.Type()).Elem(), scalar{})
	return ok
}

// setScalar sets v from s. It returns what is wrong with s and was expected,
// to follow the quoted value, and ok is false when v is of another type.
func setScalar(v reflect.Value, s scalar) (detail string, ok bool) {
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		return setDuration(target, s.text), true
	case *care.Section:
		return setParsed(target, s.text, "a section", care.AllSections.Names(), care.ParseSection), true
	case *care.Purpose:
		return setParsed(target, s.text, "a purpose", purposeCodes(), care.ParsePurpose), true
	case *care.ODSCode:
		*target = care.ODSCode(s.text)
		if !target.Valid() {
			return "is not an ODS code; expected 3 to 10 capital letters and digits, such as RWH or E82001", true
		}
		return "", true
	case encoding.TextUnmarshaler:
		return setText(target, s.text), true
	}
	return setBasic(v, s)
}

// setBasic sets the kinds of value that Go itself has.
func setBasic(v reflect.Value, s scalar) (detail string, ok bool) {
	switch v.Kind() {
	case reflect.String:
		if named, ok := v.Interface().(interface{ Values() []string }); ok && !slices.Contains(named.Values(), s.text) {
			return "is not possible here" + didYouMean(s.text, named.Values()), true
		}
		v.SetString(s.text)
		return "", true
	case reflect.Bool:
		v.SetBool(s.text == "true")
		if s.quoted || s.text != "true" && s.text != "false" {
			return "is neither true nor false", true
		}
		return "", true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s.text, 10, 64)
		if err != nil || s.quoted || s.text != strconv.FormatInt(n, 10) || v.OverflowInt(n) {
			return "is not a whole number", true
		}
		v.SetInt(n)
		return "", true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s.text, 10, 64)
		if err != nil || s.quoted || s.text != strconv.FormatUint(n, 10) || v.OverflowUint(n) {
			return "is not a whole number of zero or more", true
		}
		v.SetUint(n)
		return "", true
	}
	return "", false
}

func setDuration(target *time.Duration, text string) (detail string) {
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 || strings.HasPrefix(text, "+") {
		return "is not a duration; write a number and its unit, such as 500ms, 30s, 5m or 24h"
	}
	*target = value
	return ""
}

// setParsed sets a value that is written by one of its names, exactly.
func setParsed[T any](target *T, text, what string, names []string, parse func(string) (T, bool)) (detail string) {
	value, ok := parse(text)
	if !ok || !slices.Contains(names, text) {
		return "is not " + what + didYouMean(text, names)
	}
	*target = value
	return ""
}

// setText shows the words of our own errors only: others may quote anything.
func setText(target encoding.TextUnmarshaler, text string) (detail string) {
	err := target.UnmarshalText([]byte(text))
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*care.Error](err); ok && e.Detail != "" {
		return e.Detail
	}
	return "is not valid here"
}

func purposeCodes() []string {
	return []string{care.Treatment.String(), care.EmergencyTreatment.String(), care.BreakGlass.String()}
}

// checkRange checks a value against its range tag, such as "1..100" or
// "5m..720h".
func (d *decoder) checkRange(v reflect.Value, limits string, e entry) {
	if limits == "" {
		return
	}
	low, high, ok := parseLimits(v.Type(), limits)
	if !ok {
		d.fail(e.at, e.path, "the range of this setting is not known; this is a defect of the agent")
		return
	}
	if number(v) < number(low) || number(v) > number(high) {
		s, _, _ := scalarOf(e.value)
		from, to, _ := strings.Cut(limits, "..")
		d.fail(start(e.value), e.path, d.quote(s.text, start(e.value))+" is out of range; expected "+from+" to "+to)
	}
}

func parseLimits(t reflect.Type, limits string) (low, high reflect.Value, ok bool) {
	from, to, _ := strings.Cut(limits, "..")
	low, high = reflect.New(t).Elem(), reflect.New(t).Elem()
	for _, bound := range []struct {
		v    reflect.Value
		text string
	}{{low, from}, {high, to}} {
		detail, scalar := setScalar(bound.v, scalar{text: bound.text})
		ok = scalar && detail == "" && (bound.v.CanInt() || bound.v.CanUint())
		if !ok {
			return low, high, false
		}
	}
	return low, high, true
}

// number returns an integer value; unsigned ones beyond int64 count as its end.
func number(v reflect.Value) int64 {
	if v.CanUint() {
		return int64(min(v.Uint(), math.MaxInt64))
	}
	return v.Int()
}
