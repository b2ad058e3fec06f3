//go:build oracle

package sql

import (
	"crypto/tls"
	"net/url"
	"testing"

	"github.com/sijms/go-ora/v2/network"
)

func TestConnectionOfOracle(t *testing.T) {
	s := hostile(driverOracle)
	s.Host = "db.example"
	u, err := url.Parse(oracleURL(s, access{password: "p@evil/x?SSL=FALSE", tls: &tls.Config{ServerName: "x"}}))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	if u.Host != "db.example:1234" || u.User.Username() != s.User || password != "p@evil/x?SSL=FALSE" || u.Path != "/"+s.Database {
		t.Errorf("url %v", u)
	}
	if u.Query().Get("SSL") != "TRUE" || u.Query().Get("SSL VERIFY") != "TRUE" {
		t.Errorf("options %v", u.Query())
	}
}

func TestFaultsOfOracle(t *testing.T) {
	for code, want := range map[int]string{1013: reasonTimeout, 1017: reasonLogin, 12541: reasonDown, 942: reasonQuery} {
		if f, ok := faultOracle(&network.OracleError{ErrCode: code}); !ok || f.reason != want {
			t.Errorf("ORA-%d: %v", code, f)
		}
	}
}
