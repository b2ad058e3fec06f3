package alerts

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Limits of the file. With more open alerts it ends before the first that has no
// room; what comes after is read from the journal again.
const (
	maxSaved = 4096
	maxState = 1 << 20 // bytes
)

const (
	stateHead = "mcr-alerts v1\nread %d %s\ntold %d\nopen %d\n"
	stateItem = "alert %d %s %d %s\n"
)

// text returns what the file says of a book: lines of text, the last of which
// is the HMAC-SHA256 of the others.
func (f *Files) text(b *book) []byte {
	read, open := b.read, b.open
	if len(open) > maxSaved {
		open = open[:maxSaved]
		last := &open[maxSaved-1]
		read = care.Position{Sequence: last.number, Leaf: last.leaf}
	}
	out := fmt.Appendf(nil, stateHead, read.Sequence, hex.EncodeToString(read.Leaf[:]), b.told, len(open))
	for i := range open {
		o := &open[i]
		out = fmt.Appendf(out, stateItem, o.number, o.kind, o.at, hex.EncodeToString(o.leaf[:]))
	}
	return append(out, f.mac(out)...)
}

// mac returns the last line.
func (f *Files) mac(text []byte) string {
	mac := hmac.New(sha256.New, f.Key[:])
	mac.Write(text)
	return "mac " + hex.EncodeToString(mac.Sum(nil)) + "\n"
}

// parse reads what text wrote under the same key, and nothing else.
func (f *Files) parse(text []byte) (b book, ok bool) {
	end := bytes.LastIndex(text, []byte("mac "))
	if end < 0 || !hmac.Equal([]byte(f.mac(text[:end])), text[end:]) {
		return book{}, false
	}
	in := bytes.NewReader(text[:end])
	var count int
	var leaf string
	_, err := fmt.Fscanf(in, stateHead, &b.read.Sequence, &leaf, &b.told, &count)
	if err != nil || count < 0 || count > maxSaved || !setLeaf(&b.read.Leaf, leaf) {
		return book{}, false
	}
	b.open = make([]item, count)
	for i := range b.open {
		o := &b.open[i]
		if _, err := fmt.Fscanf(in, stateItem, &o.number, &o.kind, &o.at, &leaf); err != nil || !setLeaf(&o.leaf, leaf) {
			return book{}, false
		}
	}
	return b, in.Len() == 0
}

// setLeaf reads a hash in hexadecimal.
func setLeaf(leaf *[32]byte, text string) bool {
	n, err := hex.Decode(leaf[:], []byte(text[:min(len(text), 2*len(leaf))]))
	return err == nil && n == len(leaf)
}

// load returns the book that the file holds; an empty one if there is none, or
// with an error if it cannot be used.
func (f *Files) load() (book, error) {
	text, err := readSmall(f.State)
	if errors.Is(err, fs.ErrNotExist) {
		return book{}, nil
	}
	b, ok := f.parse(text)
	if err != nil || !ok {
		return book{}, &care.Error{Kind: care.Internal, Op: "alerts", Reason: "STATE", Err: err,
			Detail: f.State + " cannot be read, or was not written with this site's key; the journal is read from its beginning instead"}
	}
	return b, nil
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxState {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(path)
}

// save replaces the file at once: a reader, also after a power cut, finds the
// old one or the new one. The old one only costs that alerts are told of twice,
// so the folder is not synced.
func (f *Files) save(b *book) error {
	file, err := os.CreateTemp(filepath.Dir(f.State), filepath.Base(f.State)+".new-*") // mode 0600
	if err == nil {
		defer os.Remove(file.Name())
		_, err = file.Write(f.text(b))
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err == nil {
		err = os.Rename(file.Name(), f.State)
	}
	if err != nil {
		return &care.Error{Kind: care.Internal, Op: "alerts", Reason: "STATE", Err: err,
			Detail: f.State + " cannot be written, so alerts will be told of again after a restart; check the folder's space and rights"}
	}
	return nil
}
