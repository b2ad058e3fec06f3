package link

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
)

// updater makes key updates of a TLS 1.3 client (RFC 8446 sections 4.6.3, 5.2
// and 7.2), which crypto/tls has no call for, from the client's logged secret.
type updater struct {
	t      *testing.T
	secret []byte
}

func newUpdater(t *testing.T, keyLog string) *updater {
	for line := range strings.Lines(keyLog) {
		if fields := strings.Fields(line); fields[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(fields[2])
			if err != nil {
				t.Fatal(err)
			}
			return &updater{t, secret}
		}
	}
	t.Fatal("the secret was not logged")
	return nil
}

// next returns the first record under the present key: a key update that asks
// for one in return. The key after it is the next.
func (u *updater) next() []byte {
	block, err := aes.NewCipher(u.expand("key", 16))
	if err != nil {
		u.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		u.t.Fatal(err)
	}
	inner := []byte{24, 0, 0, 1, 1, 22} // key_update, update_requested; type handshake
	header := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+aead.Overhead()))
	record := aead.Seal(bytes.Clone(header), u.expand("iv", 12), inner, header) // sequence number 0
	u.secret = u.expand("traffic upd", sha256.Size)
	return record
}

// expand is HKDF-Expand-Label with an empty context.
func (u *updater) expand(label string, length int) []byte {
	label = "tls13 " + label
	info := append(binary.BigEndian.AppendUint16(nil, uint16(length)), byte(len(label)))
	out, err := hkdf.Expand(sha256.New, u.secret, string(append(append(info, label...), 0)), length)
	if err != nil {
		u.t.Fatal(err)
	}
	return out
}

// TestKeyUpdatesDuringWrites has the reading side of the server change the
// keys of its writing side, again and again, while replies are written. One
// record out of order and the client could not read on.
func TestKeyUpdatesDuringWrites(t *testing.T) {
	const updates, replies = 16, 200 // crypto/tls accepts 16 in a row
	e := newEnds(t)
	var keyLog strings.Builder
	e.client.KeyLogWriter = &keyLog
	raw, dialled := loopback(t)
	server, client := secured(t, e, raw, dialled)
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Logf("not checked: without AES in hardware crypto/tls prefers %s", tls.CipherSuiteName(suite))
		return
	}
	read := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1)) // key updates are handled in here
		read <- err
	}()
	got, reply := drain(client), noise(50<<10)
	updater := newUpdater(t, keyLog.String())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range updates {
			if _, err := dialled.Write(updater.next()); err != nil {
				t.Error(err)
			}
		}
	}()
	for range replies {
		if _, err := server.Write(reply); err != nil {
			t.Fatal(err)
		}
	}
	<-sent
	if err := dialled.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the server's reading ended with %v, want the end of the connection", err)
	}
	if _, err := server.Write(reply); err != nil { // under the last key
		t.Fatal(err)
	}
	server.Close()
	if !bytes.Equal(<-got, bytes.Repeat(reply, replies+1)) {
		t.Error("the client could not read everything")
	}
}

// TestAlertsOfTheReadingSideLeave sends junk: the server's reading side has to
// get its alert out although nobody writes.
func TestAlertsOfTheReadingSideLeave(t *testing.T) {
	raw, dialled := loopback(t)
	server, client := secured(t, newEnds(t), raw, dialled)
	if _, err := dialled.Write(append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err == nil {
		t.Fatal("the server read junk")
	}
	_, err := client.Read(make([]byte, 1))
	if _, err := server.Write([]byte{1}); err == nil {
		t.Error("the server writes on after a fatal alert")
	}
	if err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the client sees %v, want the alert", err)
	}
}
