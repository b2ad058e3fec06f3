package vault

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// stock makes a vault of n entries of 14 bytes in set 0 and returns their keys
// in no order.
func stock(b *testing.B, n int) (*shelf, *Vault, []Key) {
	b.Helper()
	s := newShelf(b)
	v := s.open(b)
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = keyNumber(i)
	}
	build(b, v, 0, uniform(slices.SortedFunc(slices.Values(keys), compareKeys)))
	return s, v, keys
}

// uniform yields keys with a value of 14 bytes.
func uniform(keys []Key) iter.Seq2[Key, []byte] {
	value := bytes.Repeat([]byte{7}, 14)
	return func(yield func(Key, []byte) bool) {
		for _, k := range keys {
			if !yield(k, value) {
				return
			}
		}
	}
}

func BenchmarkGet(b *testing.B) {
	_, v, keys := stock(b, *entriesFlag)
	for name, seek := range map[string]func(i int) Key{
		"hit":    func(i int) Key { return keys[i*7919%len(keys)] },
		"absent": func(i int) Key { k := keys[i*7919%len(keys)]; k[9]++; return k },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := seek(i)
				r := v.Read()
				if value, err := r.Get(0, &k); err != nil || (value == nil) == (name == "hit") {
					b.Fatal(err)
				}
				r.Done()
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	s, v, keys := stock(b, *entriesFlag)
	slices.SortFunc(keys, compareKeys)
	for b.Loop() {
		build(b, v, 0, uniform(keys))
	}
	info, err := os.Stat(s.path)
	check(b, err)
	b.ReportMetric(float64(info.Size()), "file-bytes")
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, v, keys := stock(b, *entriesFlag)
			var times []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				check(b, v.Update(context.Background(), func(c *Change) error {
					for j := range n {
						if err := c.Put(0, keys[(i*n+j)*7919%len(keys)], fmt.Append(nil, i, " fourteen bytes")[:14]); err != nil {
							return err
						}
					}
					return nil
				}))
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/1e6, "median-ms")
			b.ReportMetric(float64(times[len(times)-1])/1e6, "longest-ms")
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	s, v, _ := stock(b, *entriesFlag)
	check(b, v.Close())
	for b.Loop() {
		_, err := Check(context.Background(), s.path, s.opts.Key, nil)
		check(b, err)
	}
}

// BenchmarkVerify says what the whole check adds to the resident memory of the
// process, and for comparison what a scan through the mapping does.
func BenchmarkVerify(b *testing.B) {
	_, v, _ := stock(b, *entriesFlag)
	before := resident(b)
	for b.Loop() {
		check(b, v.Verify(context.Background()))
	}
	verified := resident(b)
	for _, err := range v.Scan(context.Background(), 0) {
		check(b, err)
	}
	b.ReportMetric(verified-before, "MiB-after-verify")
	b.ReportMetric(resident(b)-before, "MiB-after-scan")
}

// resident returns the MiB of files that the process has in memory; 0 where
// the system does not say.
func resident(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	var kib float64
	_, err = fmt.Sscan(rest, &kib)
	check(b, err)
	return kib / 1024
}
