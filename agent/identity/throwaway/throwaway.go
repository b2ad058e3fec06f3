// Package throwaway makes certificates for demonstrations, tests and
// benchmarks: a region with its own certification authority, held in memory
// and gone when the process ends.
//
// Keys are ECDSA P-256, made fresh for every region and certificate. Nothing
// here is fit for real use: there is no revocation, and whoever holds a Region
// can issue any name.
package throwaway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Region is a certification authority. Its methods may be called from many
// goroutines.
type Region struct {
	now    time.Time
	signer *ecdsa.PrivateKey
	own    *x509.Certificate
	root   *x509.Certificate
	sent   [][]byte // certificates that follow a leaf: the intermediates, without the root
}

// New makes a region whose root is valid from the day before now for ten
// years.
func New(now time.Time) (*Region, error) {
	key, serial, err := keyAndSerial()
	if err != nil {
		return nil, failed("New", err)
	}
	template := authority("Throw-away root", serial, now)
	root, err := sign(template, template, key, key)
	if err != nil {
		return nil, failed("New", err)
	}
	return &Region{now: now, signer: key, own: root, root: root}, nil
}

// Intermediate makes an authority below r. What it issues carries the whole
// chain up to, and without, the root.
func (r *Region) Intermediate(name string) (*Region, error) {
	key, serial, err := keyAndSerial()
	if err != nil {
		return nil, failed("Intermediate", err)
	}
	own, err := sign(authority(name, serial, r.now), r.own, key, r.signer)
	if err != nil {
		return nil, failed("Intermediate", err)
	}
	sent := append([][]byte{own.Raw}, r.sent...)
	return &Region{now: r.now, signer: key, own: own, root: r.root, sent: sent}, nil
}

// Root returns the certificate at the top of the region.
func (r *Region) Root() *x509.Certificate { return r.root }

// Authority returns the certificate that signs what r issues: the root, or the
// intermediate.
func (r *Region) Authority() *x509.Certificate { return r.own }

// RootPEM returns the root in PEM form, as peers trust it.
func (r *Region) RootPEM() []byte { return encode("CERTIFICATE", r.root.Raw) }

// Pool returns a pool that holds the root alone.
func (r *Region) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.root)
	return pool
}

// Leaf says what a certificate is to hold. The zero value of a field leaves
// that part out, except for the dates.
type Leaf struct {
	Name      string    // common name; it identifies nobody
	DNS       []string  // host names
	URI       string    // one URI
	NotBefore time.Time // the hour before the region's now, when zero
	NotAfter  time.Time // the day after the region's now, when zero
	Server    bool      // may be a TLS server
	Client    bool      // may be a TLS client
}

// Certificate is an issued certificate with its key.
type Certificate struct {
	CertPEM []byte          // the leaf, then the intermediates
	KeyPEM  []byte          // PKCS #8
	TLS     tls.Certificate // the same, ready for crypto/tls; Leaf is set
}

// Issue makes a certificate. It fails with care.BadRequest when a name cannot
// be put into one.
func (r *Region) Issue(leaf Leaf) (Certificate, error) {
	key, serial, err := keyAndSerial()
	if err != nil {
		return Certificate{}, failed("Issue", err)
	}
	template, err := leaf.template(serial, r.now)
	if err != nil {
		return Certificate{}, failed("Issue", err)
	}
	signed, err := sign(template, r.own, key, r.signer)
	if err != nil {
		return Certificate{}, failed("Issue", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Certificate{}, failed("Issue", err)
	}
	issued := Certificate{KeyPEM: encode("PRIVATE KEY", der)}
	issued.TLS = tls.Certificate{Certificate: append([][]byte{signed.Raw}, r.sent...), PrivateKey: key, Leaf: signed}
	for _, der := range issued.TLS.Certificate {
		issued.CertPEM = append(issued.CertPEM, encode("CERTIFICATE", der)...)
	}
	return issued, nil
}

// template turns the leaf into what x509 signs.
func (leaf Leaf) template(serial *big.Int, now time.Time) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: leaf.Name},
		NotBefore:    leaf.NotBefore,
		NotAfter:     leaf.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     leaf.DNS,
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = now.Add(-time.Hour)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = now.Add(24 * time.Hour)
	}
	if leaf.Server {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if leaf.Client {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	if leaf.URI != "" {
		uri, err := url.Parse(leaf.URI)
		if err != nil {
			return nil, err
		}
		t.URIs = []*url.URL{uri}
	}
	return t, nil
}

// authority is the template of a certification authority.
func authority(name string, serial *big.Int, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.AddDate(0, 0, -1),
		NotAfter:              now.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

// keyAndSerial makes a key and a serial number of 127 bits (RFC 5280 section
// 4.1.2.2 allows 20 octets and wants a positive number).
func keyAndSerial() (*ecdsa.PrivateKey, *big.Int, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	return key, serial.Add(serial, big.NewInt(1)), nil
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func failed(function string, err error) error {
	return &care.Error{Kind: care.BadRequest, Op: "throwaway." + function, Reason: "CERTIFICATE",
		Detail: "the certificate could not be made; check its names and dates", Err: err}
}
