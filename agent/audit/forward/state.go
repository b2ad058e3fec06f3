package forward

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// state is how far a receiver is, and what it never got.
type state struct {
	last     care.Position // last entry delivered; zero: none yet
	dropped  Dropped
	rejected uint64
}

const stateForm = "mcr-forward v1\nposition %d %s\ndropped %d %d %d\nrejected %d\n"

// text is what the file of a state holds.
func (s state) text() string {
	return fmt.Sprintf(stateForm, s.last.Sequence, hex.EncodeToString(s.last.Leaf[:]),
		s.dropped.Count, s.dropped.From, s.dropped.To, s.rejected)
}

// parseState reads what text wrote, and nothing else.
func parseState(text []byte) (s state, ok bool) {
	var leaf string
	if len(text) > 512 {
		return s, false
	}
	_, err := fmt.Fscanf(bytes.NewReader(text), stateForm, &s.last.Sequence, &leaf,
		&s.dropped.Count, &s.dropped.From, &s.dropped.To, &s.rejected)
	raw, hexErr := hex.DecodeString(leaf)
	if errors.Join(err, hexErr) != nil || len(raw) != len(s.last.Leaf) {
		return state{}, false
	}
	s.last.Leaf = [32]byte(raw)
	if s.text() != string(text) {
		return state{}, false
	}
	return s, true
}

// readState returns the state that a file holds; the zero one if there is no
// file. It fails if the file holds anything else.
func readState(path string) (state, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	s, ok := parseState(text)
	if err != nil || !ok {
		return state{}, &care.Error{Kind: care.Internal, Op: "forward.Run", Reason: "STATE", Err: err,
			Detail: path + " cannot be read or is damaged; remove it to have the whole journal sent again"}
	}
	return s, nil
}

// writeState replaces the file at once: a reader, also after a power cut, finds
// the old state or the new one. The old one only costs that entries are sent
// twice, so the folder is not synced.
func writeState(path string, s state) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err == nil {
		defer os.Remove(f.Name())
		_, err = f.WriteString(s.text())
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return &care.Error{Kind: care.Internal, Op: "forward.Run", Reason: "STATE", Err: err,
			Detail: path + " cannot be written, so entries will be sent again after a restart; check the folder's space and rights"}
	}
	return nil
}

// maxCheckpoint is more than any signed head has.
const maxCheckpoint = 16 << 10

// durable returns the number of the newest entry that the journal's signed head
// covers (C2SP tlog-checkpoint: the second line); 0 if there is no head yet.
// The signature is not looked at: whoever can write the head can write the
// entries, and verifying is done elsewhere.
func durable(folder string) (uint64, error) {
	text, err := readSmall(filepath.Join(folder, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	lines := bytes.SplitN(text, []byte("\n"), 3)
	if err == nil && len(lines) == 3 {
		var size uint64
		if size, err = strconv.ParseUint(string(lines[1]), 10, 63); err == nil {
			return size, nil
		}
	}
	return 0, &care.Error{Kind: care.AuditUnavailable, Op: "forward.Run", Reason: "HEAD", Err: err,
		Detail: "the journal's signed head cannot be read, so it is not known which entries are on disk; look at 'mcr-agent audit verify'"}
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCheckpoint {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(path)
}
