//go:build unix

package alerts

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// environment is all of the agent's environment that the program gets: nothing
// of it is the site's business, and some of it may be secret.
func environment() []string { return []string{"PATH=/usr/local/bin:/usr/bin:/bin"} }

// endWhole has the program ended together with those that it has started.
func endWhole(program *exec.Cmd) {
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error { return syscall.Kill(-program.Process.Pid, syscall.SIGKILL) }
}

// trusted fails unless the path is that of a file that only its owner may
// change: whoever changes it acts as the agent's account.
func trusted(path string) error {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Mode().Perm()&0o022 != 0) {
		return fs.ErrPermission
	}
	return err
}
