package config

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// nodeUnmarshaler is fulfilled by types whose YAML form is not their Go form.
type nodeUnmarshaler interface {
	unmarshalNode(d *decoder, n ast.Node, path string)
}

// value reads n into v. Every value passes here, so here is what no value may
// be: an anchor, an alias, a tag or nothing at all.
func (d *decoder) value(v reflect.Value, n ast.Node, path string) {
	if _, seen := d.places[path]; !seen {
		d.places[path] = start(n)
	}
	if !d.ordinary(n, path) {
		return
	}
	if target, ok := v.Addr().Interface().(nodeUnmarshaler); ok {
		target.unmarshalNode(d, n, path)
		return
	}
	if d.special(v, n, path) || d.scalar(v, n, path) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(v, n, path)
	case reflect.Slice:
		d.slice(v, n, path)
	case reflect.Map:
		d.mapped(v, n, path)
	default:
		d.fail(start(n), path, "this setting cannot be read; this is a defect of the agent")
	}
}

func (d *decoder) ordinary(n ast.Node, path string) bool {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType:
		d.fail(start(n), path, "anchors and aliases (& and *) are not allowed; write the value out, or put it into quotes")
	case ast.TagType:
		d.fail(start(n), path, "tags (!) are not allowed; delete it, or put the value into quotes")
	case ast.NullType:
		d.fail(start(n), path, "there is no value; write one or delete the key")
	default:
		return true
	}
	return false
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	at    place // of the key
	path  string
	value ast.Node
}

// entries returns the entries of a mapping whose keys are plain and distinct.
func (d *decoder) entries(n ast.Node, path string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fail(start(n), path, "expected keys with values, such as \"key: value\"")
		return nil
	}
	list := make([]entry, 0, len(values))
	lines := make(map[string]int, len(values))
	for _, value := range values {
		e := entry{at: start(value.Key), value: value.Value}
		if !plainKey(value.Key) {
			d.fail(e.at, path, "expected a plain key, such as \"key: value\"")
			continue
		}
		e.key = value.Key.GetToken().Value
		e.path = path + segment(e.key)
		if line, double := lines[e.key]; double {
			d.fail(e.at, e.path, "the key "+d.quote(e.key, e.at)+" is already set on line "+strconv.Itoa(line))
			continue
		}
		lines[e.key] = e.at.line
		d.places[e.path] = valuePlace(e)
		list = append(list, e)
	}
	return list
}

// plainKey refuses "? key", "<<", tags, anchors and aliases.
func plainKey(key ast.MapKeyNode) bool {
	switch key.(type) {
	case *ast.StringNode:
		return badText(key.GetToken().Value) == ""
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode, *ast.NullNode, *ast.NanNode, *ast.InfinityNode:
		return true
	}
	return false
}

// valuePlace is where an entry is pointed at: at its value if that is on the
// same line, or else at its key.
func valuePlace(e entry) place {
	if at := start(e.value); at.line == e.at.line && e.value.GetToken().Type != token.ImplicitNullType {
		return at
	}
	return e.at
}

// segment returns a key as part of a path.
func segment(key string) string {
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' || len(key) > maxShown {
			return "[" + quote(key) + "]"
		}
	}
	return "." + key
}

// field is one key that a struct takes.
type field struct {
	name     string
	required bool
	limits   string // the range tag, such as "1..100"
	index    int
}

// fieldsOf returns the keys of a struct type, in their order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields = append(fields, field{name, option == "required", t.Field(i).Tag.Get("range"), i})
		}
	}
	return fields
}

func (d *decoder) structure(v reflect.Value, n ast.Node, path string) {
	d.fill(v, d.entries(n, path), path)
}

// fill sets the fields of a struct from the entries of a mapping.
func (d *decoder) fill(v reflect.Value, list []entry, path string) {
	fields := fieldsOf(v.Type())
	set := make([]bool, len(fields))
	for _, e := range list {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			d.unknown(e, fields, path)
			continue
		}
		set[i] = true
		target := v.Field(fields[i].index)
		before := len(d.faulty)
		d.value(target, e.value, e.path)
		if len(d.faulty) == before {
			d.checkRange(target, fields[i].limits, e)
		}
	}
	for i, f := range fields {
		switch {
		case f.required && !set[i]:
			d.report(path+"."+f.name, "the key \""+f.name+"\" is missing"+expected(v.Field(f.index)))
		case f.required && v.Field(f.index).IsZero():
			d.report(path+"."+f.name, "the value is empty")
		default:
			continue
		}
		d.faulty = append(d.faulty, path+"."+f.name)
	}
}

// expected names the values of a type that has a closed list of them.
func expected(v reflect.Value) string {
	if named, ok := v.Interface().(interface{ Values() []string }); ok {
		return didYouMean("", named.Values())
	}
	return ""
}

// unknown reports a key that a struct does not take. Its value is hidden: the
// key may be a misspelt "password".
func (d *decoder) unknown(e entry, fields []field, path string) {
	d.doc.hide(e.at.line, e.at.column+len([]rune(e.key)))
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	hint := ""
	if !d.full() {
		hint = didYouMean(e.key, names)
	}
	if name, ok := closest(e.key, names); ok {
		d.faulty = append(d.faulty, path+"."+name) // not missing, only misspelt
	}
	d.places[e.path] = e.at
	d.fail(e.at, e.path, "the key "+d.quote(e.key, e.at)+" is not known here"+hint)
}

// items returns the entries of a list. An empty list is refused: it can be
// read as "none" and as "any".
func (d *decoder) items(n ast.Node, path string) []ast.Node {
	list, ok := n.(*ast.SequenceNode)
	switch {
	case !ok:
		d.fail(start(n), path, "expected a list, such as [a, b]")
		return nil
	case len(list.Values) == 0:
		d.fail(start(n), path, "the list is empty; list at least one or delete the key")
	}
	return list.Values
}

func (d *decoder) slice(v reflect.Value, n ast.Node, path string) {
	items := d.items(n, path)
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.value(list.Index(i), item, index(path, i))
	}
	v.Set(list)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func (d *decoder) mapped(v reflect.Value, n ast.Node, path string) {
	list := d.entries(n, path)
	m := reflect.MakeMapWithSize(v.Type(), len(list))
	for _, e := range list {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if detail, ok := setScalar(key, scalar{text: e.key, quoted: true}); !ok || detail != "" {
			d.fail(e.at, e.path, "the key "+d.quote(e.key, e.at)+" "+cmp.Or(detail, "cannot be read"))
			continue
		}
		d.value(value, e.value, e.path)
		m.SetMapIndex(key, value)
	}
	v.Set(m)
}
