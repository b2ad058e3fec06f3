package ukcore

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// cells makes the values of a row from a fuzzer's input: one byte for the kind
// of value, the rest its content up to the next zero byte.
func cells(data string, n int) []Value {
	row := make([]Value, n)
	for i := range row {
		if data == "" {
			break
		}
		kind := data[0]
		content, rest, _ := strings.Cut(data[1:], "\x00")
		row[i], data = cell(kind, content), rest
	}
	return row
}

func cell(kind byte, content string) Value {
	when := time.Unix(int64(len(content))*1e8, 0)
	switch kind % 9 {
	case 0:
		return Value{}
	case 1:
		return Bytes([]byte(content))
	case 2:
		return Decimal(content)
	case 3:
		return Integer(int64(len(content)) - 3)
	case 4:
		return Bool(len(content)%2 == 0)
	case 5:
		return Date(when)
	case 6:
		return Local(when)
	case 7:
		return Instant(when)
	}
	return Text(content)
}

// FuzzMapperRow holds that whatever a source gives, a row becomes valid JSON
// in UTF-8 with a valid id, or the error of a row that cannot be mapped.
func FuzzMapperRow(f *testing.F) {
	zone := london(f)
	bindings := map[care.Section]*Binding{}
	for s := range care.AllSections.All() {
		l, _ := LayoutOf(s)
		var columns []string
		for _, c := range l.Columns() {
			columns = append(columns, c.Name)
		}
		bindings[s], _ = l.Bind(columns)
		f.Add(uint8(s), "X0\x00X"+l.Kinds[0].Name+"\x00X1\x00X2024-05-01\x00XDAY\x00X2024")
		f.Add(uint8(s), "X0\x00X1\x00X2024\x00XYEAR\x00X\x00Xno\x00XRTEST\x00Xname\x00")
	}
	f.Fuzz(func(t *testing.T, section uint8, data string) {
		b, ok := bindings[care.Section(section)]
		if !ok {
			return
		}
		m := b.Mapper(testEncoder(), zone)
		records, errs := drain(t, m, cells(data, b.width), cells(data[min(len(data), 7):], b.width))
		for _, r := range records {
			if err := checkJSON(r.Resource); err != nil || !utf8.Valid(r.Resource) {
				t.Fatalf("%v: %v\n%s", care.Section(section), err, r.Resource)
			}
			if !plainID(r.ID) || len(r.ID) > maxID {
				t.Fatalf("%q is no FHIR id", r.ID)
			}
		}
		for _, err := range errs {
			if care.ReasonOf(err) != RowUnmappable {
				t.Fatalf("error %v", err)
			}
		}
		if end := m.End(); end.Read != len(records)+len(errs) || end.Failed != len(errs) {
			t.Fatalf("end %+v after %d records and %d errors", end, len(records), len(errs))
		}
	})
}
