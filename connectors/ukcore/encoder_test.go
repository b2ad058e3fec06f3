package ukcore

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// encode returns the resource of a row.
func encode(t *testing.T, row Row) []byte {
	t.Helper()
	out, err := testEncoder().Append(nil, row)
	if err != nil {
		t.Fatalf("%T: %v", row, err)
	}
	if err := checkJSON(out); err != nil {
		t.Fatalf("%T: %v\n%s", row, err, out)
	}
	return out
}

// checkJSON reports whether data is one JSON value without duplicate names and
// without empty objects, arrays or texts, which FHIR forbids.
func checkJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, ""); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("data after the value")
	}
	return nil
}

func checkValue(d *json.Decoder, path string) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch token {
	case json.Delim('{'):
		return checkObject(d, path)
	case json.Delim('['):
		n := 0
		for ; d.More(); n++ {
			if err := checkValue(d, fmt.Sprintf("%s[%d]", path, n)); err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("%s is an empty array", path)
		}
		_, err = d.Token()
	case "", nil:
		return fmt.Errorf("%s is empty", path)
	}
	return err
}

func checkObject(d *json.Decoder, path string) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name := token.(string)
		if seen[name] {
			return fmt.Errorf("%s has %q twice", path, name)
		}
		seen[name] = true
		if err := checkValue(d, path+"."+name); err != nil {
			return err
		}
	}
	if len(seen) == 0 {
		return fmt.Errorf("%s is an empty object", path)
	}
	_, err := d.Token()
	return err
}

// publish writes resources for an independent validator into the folder that
// MCR_FHIR_OUT names.
func publish(t *testing.T, name string, resources [][]byte) {
	t.Helper()
	folder := os.Getenv("MCR_FHIR_OUT")
	if folder == "" {
		return
	}
	out := append(bytes.Join(resources, []byte("\n")), '\n')
	if err := os.WriteFile(filepath.Join(folder, "ukcore-"+name+".ndjson"), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryRowIsValidJSON(t *testing.T) {
	for name, rows := range map[string][]Row{"full": fullRows(), "minimal": minimalRows(), "awkward": awkwardRows()} {
		var resources [][]byte
		for _, row := range rows {
			resources = append(resources, encode(t, row))
		}
		publish(t, name, resources)
	}
}

// goldenName names the golden file of a row.
func goldenName(row Row, set string) string {
	return filepath.Join("testdata", strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", row), "*ukcore."))+"-"+set+".json")
}

func TestGolden(t *testing.T) {
	for set, rows := range map[string][]Row{"full": fullRows(), "minimal": minimalRows()} {
		for _, row := range rows {
			var got bytes.Buffer
			if err := json.Indent(&got, encode(t, row), "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := goldenName(row, set)
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}
