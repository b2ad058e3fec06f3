//go:build !windows

package sitekey

import "github.com/mycarerecord/edge-agent/agent/care"

// errNoDPAPI says that the key cannot be protected by Windows here.
var errNoDPAPI = failure(care.Unsupported, "KEY_UNSUPPORTED",
	"only Windows can protect the site key with DPAPI; name a file or a systemd credential instead", nil)

func protect([]byte) ([]byte, error) { return nil, errNoDPAPI }

func openProtected(string) (Key, error) { return Key{}, errNoDPAPI }
