package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
)

// The file begins with magic and the id of the push. Frames follow: length of
// the sealed text (4 bytes, little-endian), nonce (12 bytes), sealed text. The
// first byte of the text says what the frame is:
//
//	rows        each: key (10 bytes), length (uvarint), value
//	checkpoint  number of rows up to here (8 bytes, little-endian), the caller's bytes
//
// Additional data of the n-th frame, from 0: magic, id, n (8 bytes,
// little-endian). Nonces are random: a key seals well under 2^32 frames (NIST
// SP 800-38D section 8.3).
const magic = "mcr spool v1\n"

// What a frame is.
const (
	rowsFrame byte = iota + 1
	checkpointFrame
)

const (
	headSize  = len(magic) + 32
	frameHead = 4
	nonceSize = 12
	tagSize   = 16

	chunkSize = 64 << 10                           // a frame of rows is written when it has reached this
	maxFrame  = chunkSize + KeySize + 3 + MaxValue // longest text of a frame; a checkpoint is shorter
)

// frames seals and opens the frames of one file.
type frames struct {
	aead cipher.AEAD
	data []byte // additional data; the last 8 bytes are the frame's number
}

func newFrames(key, id [32]byte) (*frames, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &frames{aead, append(append([]byte(magic), id[:]...), make([]byte, 8)...)}, nil
}

func (f *frames) of(number uint64) []byte {
	binary.LittleEndian.PutUint64(f.data[len(f.data)-8:], number)
	return f.data
}

// seal appends the frame of a text to dst.
func (f *frames) seal(dst []byte, number uint64, text []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)+nonceSize+tagSize))
	return f.aead.Seal(dst, nil, text, f.of(number))
}

// errTorn says that the file ends within a frame, or what follows is none.
var errTorn = errors.New("the file ends within a frame")

// reader reads frames one after the other.
type reader struct {
	from   io.Reader
	frames *frames
	number uint64 // of the next frame
	at     int64  // offset of the next frame
	sealed []byte
	text   []byte
}

// next returns the text of the next frame, valid until the call after. It fails
// with io.EOF at the end of the file, and with errTorn where no whole frame of
// this place follows.
func (r *reader) next() ([]byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n <= nonceSize+tagSize || n > maxFrame+nonceSize+tagSize {
		return nil, errTorn
	}
	if cap(r.sealed) < n {
		r.sealed = make([]byte, maxFrame+nonceSize+tagSize)
	}
	r.sealed = r.sealed[:n]
	if _, err := io.ReadFull(r.from, r.sealed); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return nil, err
	}
	text, err := r.frames.aead.Open(r.text[:0], nil, r.sealed, r.frames.of(r.number))
	if err != nil {
		return nil, errTorn
	}
	r.text = text
	r.number++
	r.at += int64(frameHead + n)
	return text, nil
}
