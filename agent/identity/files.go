package identity

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Budgets of the files.
const (
	maxFileBytes    = 1 << 20
	maxCertificates = 64 // in one file
)

// contents is what the files say. A part is nil when its files are faulty, so
// that a good part need not wait for a broken one: a longer deny list counts
// at once, whatever state the certificate is in.
type contents struct {
	own    *ownPart
	roots  *rootsPart
	denied *deniedPart
}

// The parts. The digest is of the bytes of all files of the part.
type (
	ownPart struct {
		digest      [sha256.Size]byte
		certificate tls.Certificate
	}
	rootsPart struct {
		digest       [sha256.Size]byte
		certificates []*x509.Certificate
		pool         *x509.CertPool
	}
	deniedPart struct {
		digest [sha256.Size]byte
		list   denyList
	}
)

// CheckFiles reads all files as Load does and returns every fault, not only the
// first. Problem paths are relative to Files, such as "broker_roots[1]".
func CheckFiles(files Files, now time.Time) []care.Problem {
	_, faults := readFiles(files, now)
	return problems(faults)
}

func readFiles(files Files, now time.Time) (contents, []fault) {
	own, faults := readOwn(files.Certificate, files.Key, now)
	roots, more := readRoots(files.BrokerRoots, now)
	faults = append(faults, more...)
	denied, more := readDenied(files.Denied)
	return contents{own, roots, denied}, append(faults, more...)
}

// readOwn reads the agent's certificate and key.
func readOwn(certificate, key string, now time.Time) (*ownPart, []fault) {
	chain, chainBytes, faults := readCertificates("certificate", certificate)
	signer, keyBytes, more := readKey(key)
	faults = append(faults, more...)
	for i, c := range chain {
		faults = append(faults, checkDates(certificate, i, c, now)...)
	}
	if len(chain) > 0 {
		faults = append(faults, checkOwn(certificate, key, chain[0], signer)...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	part := &ownPart{digest: digest(chainBytes, keyBytes)}
	part.certificate = tls.Certificate{PrivateKey: signer, Leaf: chain[0]}
	for _, c := range chain {
		part.certificate.Certificate = append(part.certificate.Certificate, c.Raw)
	}
	return part, nil
}

func checkDates(file string, i int, c *x509.Certificate, now time.Time) []fault {
	switch {
	case now.After(c.NotAfter):
		return []fault{newFault("certificate", "EXPIRED", fmt.Sprintf(
			"%s: certificate %d expired on %s; have it renewed", file, i+1, c.NotAfter.UTC().Format(time.DateTime)))}
	case now.Before(c.NotBefore):
		return []fault{newFault("certificate", "NOT_YET_VALID", fmt.Sprintf(
			"%s: certificate %d is valid only from %s; check this machine's clock", file, i+1, c.NotBefore.UTC().Format(time.DateTime)))}
	}
	return nil
}

// checkOwn checks that the leaf may be a server's and is the key's. The key is
// nil when it had faults of its own.
func checkOwn(file, keyFile string, leaf *x509.Certificate, key crypto.Signer) []fault {
	var faults []fault
	unrestricted := len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0
	if !unrestricted && !hasUsage(leaf, x509.ExtKeyUsageServerAuth) {
		faults = append(faults, newFault("certificate", "WRONG_USAGE",
			file+": the certificate may not be used by a server; ask for one with extended key usage serverAuth"))
	}
	if key == nil {
		return faults
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(key.Public()) {
		faults = append(faults, newFault("key", "KEY_MISMATCH",
			keyFile+": the key is not that of the first certificate in "+file+"; use the key the request was made with, and put the agent's own certificate first"))
	}
	return faults
}

func hasUsage(c *x509.Certificate, usage x509.ExtKeyUsage) bool {
	return slices.Contains(c.ExtKeyUsage, usage) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// readRoots reads the authorities of brokers. Expired ones are kept, because
// old and new roots stand side by side during a rollover; all expired is a
// fault.
func readRoots(files []string, now time.Time) (*rootsPart, []fault) {
	part, all, valid := &rootsPart{pool: x509.NewCertPool()}, []byte(nil), false
	var faults []fault
	for i, file := range files {
		path := fmt.Sprintf("broker_roots[%d]", i)
		roots, data, more := readCertificates(path, file)
		faults = append(faults, more...)
		for n, c := range roots {
			if !c.BasicConstraintsValid || !c.IsCA {
				faults = append(faults, newFault(path, "NOT_AUTHORITY", fmt.Sprintf(
					"%s: certificate %d is not an authority's; a root that issues brokers' certificates is needed", file, n+1)))
			}
			valid = valid || !now.After(c.NotAfter) && !now.Before(c.NotBefore)
			part.pool.AddCert(c)
		}
		part.certificates = append(part.certificates, roots...)
		all = append(all, data...)
	}
	if !valid && len(faults) == 0 {
		faults = append(faults, newFault("broker_roots", "NO_ROOT",
			"no authority of brokers is configured that is valid today; no broker could connect"))
	}
	if len(faults) > 0 {
		return nil, faults
	}
	part.digest = digest(all)
	return part, nil
}

// readDenied reads the deny list; no file is an empty list.
func readDenied(file string) (*deniedPart, []fault) {
	if file == "" {
		return &deniedPart{}, nil
	}
	data, _, err := readFile(file)
	if err != nil {
		return nil, []fault{unreadable("denied", file, err)}
	}
	list, line := parseDenied(data)
	if line > 0 {
		return nil, []fault{newFault("denied", "DENIED_LINE", fmt.Sprintf(
			"%s: line %d is neither a serial number nor a SHA-256 fingerprint in hexadecimal", file, line))}
	}
	return &deniedPart{digest(data), list}, nil
}

// readCertificates reads a PEM file of certificates. A block that cannot be
// decoded is a fault, never skipped: the file may be half written.
func readCertificates(path, file string) ([]*x509.Certificate, []byte, []fault) {
	data, _, err := readFile(file)
	if err != nil {
		return nil, nil, []fault{unreadable(path, file, err)}
	}
	var list []*x509.Certificate
	blocks := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, []fault{newFault(path, "NO_CERTIFICATE", fmt.Sprintf("%s: PEM block %d is not a valid certificate", file, blocks))}
		}
		list = append(list, c)
	}
	if len(list) == 0 || len(list) > maxCertificates || bytes.Count(data, []byte("-----BEGIN ")) != blocks {
		return nil, nil, []fault{newFault(path, "NO_CERTIFICATE", fmt.Sprintf(
			"%s: not a whole PEM file of 1 to %d certificates; DER and PKCS #12 files have to be converted", file, maxCertificates))}
	}
	return list, data, nil
}

// readKey reads a private key: PKCS #8, PKCS #1 or SEC 1, in PEM.
func readKey(file string) (crypto.Signer, []byte, []fault) {
	data, info, err := readFile(file)
	if err != nil {
		return nil, nil, []fault{unreadable("key", file, err)}
	}
	if exposed(info) {
		return nil, nil, []fault{newFault("key", "KEY_EXPOSED", fmt.Sprintf(
			"%s: others than the owner have rights to the key (mode %04o); chmod 600 it, and replace the key if it may have been read", file, info.Mode().Perm()))}
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasPrefix(block.Type, "ENCRYPTED ") || block.Headers["DEK-Info"] != "" {
			return nil, nil, []fault{newFault("key", "KEY_ENCRYPTED", file+": the key is encrypted with a password; a service needs it without one")}
		}
		if signer := parseKey(block); signer != nil {
			return signer, data, nil
		}
	}
	return nil, nil, []fault{newFault("key", "KEY_UNREADABLE", file+": holds no private key in PEM form (PKCS #8, PKCS #1 or SEC 1)")}
}

// parseKey returns the key in a PEM block, or nil.
func parseKey(block *pem.Block) crypto.Signer {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer
	}
	return nil
}

// Reasons why a file is not read that the os package has no error for.
var (
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = errors.New("too large")
)

// readFile reads a regular file of at most maxFileBytes. The information is
// that of the file read, not of one that took its name since. Opening a named
// pipe could block for ever, hence the look before.
func readFile(file string) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = errTooLarge
	}
	return data, info, err
}

// unreadable says why a file could not be read and what to do.
func unreadable(path, file string, err error) fault {
	what := "cannot be read; check the disk"
	switch {
	case file == "":
		return newFault(path, "UNREADABLE", "the file for "+path+" is not configured")
	case errors.Is(err, fs.ErrNotExist):
		what = "there is no such file; check the path"
	case errors.Is(err, fs.ErrPermission):
		what = "this account may not read it; check owner and mode"
	case errors.Is(err, errNotRegular), errors.Is(err, errTooLarge):
		what = "not a regular file of at most 1 MiB"
	}
	return newFault(path, "UNREADABLE", file+": "+what)
}

func digest(parts ...[]byte) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join(parts, []byte{0}))
}
