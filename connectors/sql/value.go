package sql

import (
	"math"
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// unreadable is a value of no kind: whatever column it is in, its row cannot
// be mapped.
var unreadable = ukcore.Value{Kind: math.MaxUint8}

// valueOf returns the conversion of a driver's values for a server whose
// column types of times are given. A time in a column of another type is
// unreadable: whether it has a zone would be a guess.
func valueOf(times map[string]ukcore.ValueKind) func(v any, columnType string) ukcore.Value {
	return func(v any, columnType string) ukcore.Value {
		switch v := v.(type) {
		case nil:
			return ukcore.Value{}
		case string:
			return ukcore.Text(v)
		case []byte:
			return ukcore.Bytes(v)
		case int64:
			return ukcore.Integer(v)
		case uint64:
			return ukcore.Decimal(strconv.FormatUint(v, 10))
		case bool:
			return ukcore.Bool(v)
		case float64:
			return float(v, 64)
		case float32:
			return float(float64(v), 32)
		case time.Time:
			if kind, ok := times[columnType]; ok {
				return ukcore.Value{Kind: kind, Time: v}
			}
		}
		return unreadable
	}
}

// float writes a binary number with the fewest digits that mean it.
func float(v float64, bits int) ukcore.Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return unreadable
	}
	return ukcore.Decimal(strconv.FormatFloat(v, 'f', -1, bits))
}
