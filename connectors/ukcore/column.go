package ukcore

// ColumnType is what a column holds.
type ColumnType uint8

// The types of column.
const (
	TextColumn     ColumnType = iota + 1 // any text in UTF-8, up to 1 MiB
	CodeColumn                           // a code or key: text without surrounding space; whole numbers are taken as their digits
	DateTimeColumn                       // a date, or date and time; text as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with or without an offset
	DateColumn                           // a date; a time of day is ignored
	NumberColumn                         // a decimal number; as text where the digits matter
	BoolColumn                           // true or false; also 1/0, Y/N, yes/no
	IntegerColumn                        // a whole number, not negative
)

var columnTypes = [...]string{TextColumn: "Text", CodeColumn: "Code", DateTimeColumn: "DateTime", DateColumn: "Date",
	NumberColumn: "Number", BoolColumn: "Bool", IntegerColumn: "Integer"}

// String returns the name of the type, such as "DateTime".
func (t ColumnType) String() string {
	if t < TextColumn || t > IntegerColumn {
		return "Unknown"
	}
	return columnTypes[t]
}

// Column is one documented column of a layout.
type Column struct {
	Name     string // lower case with underscores
	Type     ColumnType
	Required bool     // the source must have it and no row may leave it empty; in a section of several kinds, rows of this kind
	Allowed  []string // the only texts it may hold; empty means any
	Doc      string   // what it means, in one sentence
}

// The makers of fields are kept out of line. They are called once for each of
// some three hundred columns, when the program starts; in line they made it 200
// KB larger.

// field sets one part of a row of type R from one or more columns. at(i) of
// the reader is the cell of columns[i].
type field[R any] struct {
	columns []Column
	needed  bool // checked even where the source has none of the columns
	set     func(row *R, r *reader)
}

// required marks a field's first column as required.
//
//go:noinline
func required[R any](f field[R]) field[R] {
	f.columns[0].Required = true
	return f
}

//go:noinline
func one[R any](c Column, set func(*R, *reader)) field[R] {
	return field[R]{columns: []Column{c}, set: set}
}

//go:noinline
func text[R any](name, doc string, at func(*R) *string) field[R] {
	return one(Column{Name: name, Type: TextColumn, Doc: doc}, func(row *R, r *reader) { *at(row) = r.text(0) })
}

//go:noinline
func key[R any](name, doc string, at func(*R) *string) field[R] {
	return one(Column{Name: name, Type: CodeColumn, Doc: doc}, func(row *R, r *reader) { *at(row) = r.code(0) })
}

// choice is a code of a closed list.
//
//go:noinline
func choice[R any](name, doc string, allowed []string, at func(*R) *string) field[R] {
	c := Column{Name: name, Type: CodeColumn, Allowed: allowed, Doc: doc}
	return one(c, func(row *R, r *reader) { *at(row) = r.choice(0) })
}

//go:noinline
func count[R any](name, doc string, at func(*R) *string) field[R] {
	return one(Column{Name: name, Type: IntegerColumn, Doc: doc}, func(row *R, r *reader) { *at(row) = r.count(0) })
}

// known is a truth value that may be unknown.
//
//go:noinline
func known[R any](name, doc string, at func(*R) *Truth) field[R] {
	return one(Column{Name: name, Type: BoolColumn, Doc: doc}, func(row *R, r *reader) { *at(row) = r.flag(0) })
}

// keys is a list of keys in one column, separated by semicolons.
//
//go:noinline
func keys[R any](name, doc string, at func(*R) *[]string) field[R] {
	c := Column{Name: name, Type: CodeColumn, Doc: doc + " Several are separated by semicolons."}
	return one(c, func(row *R, r *reader) { *at(row) = r.keys(0) })
}
