package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// Quarantine gives a damaged vault, which must not be open, the name
// path.damaged-20261122T210000Z for whoever examines it, and returns that. Its
// place is then free for Create, and Exists still says that there was one. A
// file that is missing is left so; the name is then empty. It fails with
// ConsentUnavailable, reason QUARANTINE.
func Quarantine(path string, now time.Time) (string, error) {
	name, err := quarantine(path, now)
	if err != nil {
		return "", failure(care.ConsentUnavailable, "QUARANTINE", "the damaged consent store cannot be set aside; check the state folder", err)
	}
	return name, nil
}

func quarantine(path string, now time.Time) (string, error) {
	if err := ensureMarker(path); err != nil || absent(path) {
		return "", err
	}
	base := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	name := base
	for i := 2; !absent(name); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	return name, syncFolder(filepath.Dir(path))
}
