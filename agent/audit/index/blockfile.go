package index

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	folderName = "index"
	folderMode = 0o700 // the account of the agent alone
	fileMode   = 0o600
	tempName   = "new" // two that write it at once make a block that fails its seals
)

// blockName is the file name of a block.
func blockName(number uint64) string { return fmt.Sprintf("%010d", number) }

// parseBlockName returns the number of a block.
func parseBlockName(name string) (uint64, bool) {
	number, err := strconv.ParseUint(name, 10, 64)
	return number, err == nil && blockName(number) == name
}

// block is one block on disk whose header is as it was written. Its parts are
// read when they are needed.
type block struct {
	header
	path string
	seal []byte // of the header
	body int64  // offset of the first part
}

// openBlock reads and checks the header of a block.
func openBlock(folder string, number uint64, s *sealer) (*block, error) {
	b := &block{path: filepath.Join(folder, blockName(number))}
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	start, err := readAt(f, 0, headerRead)
	if err != nil {
		return nil, err
	}
	text, ok := bytes.CutPrefix(start, []byte(magic))
	if !ok || len(text) < 4 {
		return nil, errMalformed
	}
	size := binary.BigEndian.Uint32(text)
	begin := int64(len(magic)) + 4
	if size > maxHeader {
		return nil, errMalformed
	}
	if text, err = readAt(f, begin, int(size)+sealSize); err != nil || len(text) < int(size)+sealSize {
		return nil, errors.Join(errMalformed, err)
	}
	b.seal = text[size:]
	if !hmac.Equal(b.seal, s.header(text[:size])) {
		return nil, errMalformed
	}
	h, err := parseHeader(text[:size])
	if err != nil || h.number != number {
		return nil, errMalformed
	}
	b.header, b.body = *h, begin+int64(len(text))
	return b, nil
}

// readAt returns up to n bytes; fewer only at the end of the file.
func readAt(f *os.File, at int64, n int) ([]byte, error) {
	buf := make([]byte, n)
	got, err := f.ReadAt(buf, at)
	if got < n && !isEnd(err) {
		return nil, err
	}
	return buf[:got], nil
}

// parts reads and checks some of the parts, in the order given.
func (b *block) parts(s *sealer, wanted ...int) ([][]byte, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	out := make([][]byte, 0, len(wanted))
	for _, part := range wanted {
		at, n := b.body, int(b.sizes[part])
		for _, before := range b.sizes[:part] {
			at += int64(before) + sealSize
		}
		text, err := readAt(f, at, n+sealSize)
		if err != nil {
			return nil, err
		}
		if len(text) < n+sealSize || !hmac.Equal(text[n:], s.part(b.seal, part, text[:n])) {
			return nil, errMalformed
		}
		out = append(out, text[:n])
	}
	return out, nil
}

// offsets returns how many bytes of lines come before each entry of the runs,
// and, as the last element, the bytes of all. It uses the room of dst.
func (b *block) offsets(dst []int64, encoded []byte) ([]int64, error) {
	c := cursor{rest: encoded}
	out, at := append(slices.Grow(dst[:0], blockEntries+1), 0), int64(0)
	for range b.entries() {
		at += int64(c.number())
		out = append(out, at)
	}
	if c.failed || len(c.rest) > 0 {
		return nil, errMalformed
	}
	return out, nil
}

// allParts are the numbers of the parts.
var allParts = func() (all [partCount]int) {
	for i := range all {
		all[i] = i
	}
	return all
}()

// check reads all parts and returns an error if one is not as it was written.
func (b *block) check(s *sealer) error {
	_, err := b.parts(s, allParts[:]...)
	return err
}

// resume returns a builder that goes on where the block ends.
func (b *block) resume(s *sealer) (*builder, error) {
	parts, err := b.parts(s, allParts[:]...)
	if err != nil {
		return nil, err
	}
	out := newBuilder(b.number)
	out.header, out.lengths = b.header, parts[lengths]
	for _, p := range parts[:shardCount] {
		if err := out.lists.addShard(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// write puts a block in place, whole or not at all. It is not synced: a block
// that a power cut tears fails its seals and is made again.
func (b *builder) write(folder string, s *sealer) error {
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(folder, tempName), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(b.encode(s))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, blockName(b.number)))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// openBlocks returns the blocks whose headers are as they were written, in
// order. Others count as absent. An index that is not there has none.
func openBlocks(folder string, s *sealer) ([]*block, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var blocks []*block
	for _, e := range entries {
		number, ok := parseBlockName(e.Name())
		if !ok {
			continue
		}
		if b, err := openBlock(folder, number, s); err == nil {
			blocks = append(blocks, b)
		}
	}
	slices.SortFunc(blocks, func(a, b *block) int { return bySpan(bounds(a.number), bounds(b.number)) })
	return blocks, nil
}
