package sql

import (
	"slices"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// maxWhole is the most bytes of memory that a list takes which is read whole
// before its first row is yielded: ten thousand rows and more of a wide view.
const maxWhole = 32 << 20

// valueSize is the bytes of a ukcore.Value without what it points to.
const valueSize = 80

// whole reads all rows before the first is yielded. Allergies are not cut: a
// part of them is more dangerous than none (GP Connect 1.6, search).
func (f *fetch) whole(c *cursor) (func() ([]ukcore.Value, error), error) {
	var all [][]ukcore.Value
	size := 0
	for {
		values, err := c.row()
		if err != nil {
			return nil, err
		}
		if values == nil {
			break
		}
		if len(all) == f.limit() {
			return nil, f.s.unavailable(reasonLimit, "there are more allergies than the row limit allows, and allergies are not cut")
		}
		if size += rowSize(values); size > maxWhole {
			return nil, f.s.unavailable(reasonLimit, "the allergies take more than 32 MiB of memory, and allergies are not cut")
		}
		all = append(all, slices.Clone(values))
	}
	return func() (values []ukcore.Value, err error) {
		if len(all) > 0 {
			values, all = all[0], all[1:]
		}
		return values, nil
	}, nil
}

// rowSize returns about how many bytes a row takes in memory.
func rowSize(values []ukcore.Value) int {
	size := len(values) * valueSize
	for i := range values {
		size += len(values[i].Text) + len(values[i].Bytes)
	}
	return size
}
