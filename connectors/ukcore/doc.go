// Package ukcore builds FHIR R4 resources in UK Core shape from plain rows. Every
// connector whose source is not FHIR uses it: a connector reads rows, ukcore
// gives records.
//
// There are two ways in, one for each kind of source:
//
//   - a source with types of its own fills the row structs (Allergy, Result,
//     Appointment, ...) and hands each to an Encoder;
//   - a flat source (a SQL view, a CSV file) has columns. LayoutOf gives the
//     documented columns of a section, Layout.Bind matches them with what the
//     source has, and a Mapper turns each row of values into a record.
//
// What a row says is kept and nothing is added: a status that the source does
// not hold is "unknown" or absent, a partial date stays partial, a number keeps
// its digits, a code keeps its system and original text. A row that cannot be
// mapped is an error that names the row and the column, never a value.
//
// JSON is appended by hand, without reflection: Encoder.Append allocates
// nothing once its buffer has grown. Encoders and mappers serve one goroutine;
// layouts and bindings may be shared.
package ukcore

//go:generate go run ./internal/columnsdoc ../../packaging/doc/sql-columns.md
