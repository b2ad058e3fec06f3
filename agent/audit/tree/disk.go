package tree

import (
	"errors"
	"io"
	"os"
	"path"
	"runtime"
)

// The modes of what the tree creates.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

var errTileSize = errors.New("the tile's file has not the size of a full tile")

// disk is the folder that holds the tree's tiles. It is opened anew for each
// use, so that a folder that is put back is used again, and one that is gone is
// never made: that is the journal's to say.
type disk string

// use calls fn with the folder. Nothing outside it can be reached through links.
func (d disk) use(fn func(*os.Root) error) error {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return err
	}
	return errors.Join(fn(root), root.Close())
}

// read returns a tile as it lies on disk. It is not authenticated.
func (d disk) read(id tileID) (*tile, error) {
	data := make([]byte, tileBytes+1) // one more, to see a file that is too long
	err := d.use(func(root *os.Root) error {
		f, err := root.Open(id.path())
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read from
		n, err := io.ReadFull(f, data)
		if err == nil || n != tileBytes {
			return errTileSize
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return decodeTile(data[:tileBytes]), nil
}

// write puts a tile in its place at once, under a temporary name before. If the
// agent is killed in between, the next write of that tile uses the name again.
func (d disk) write(id tileID, t *tile) error {
	name := id.path()
	return d.use(func(root *os.Root) error {
		if err := root.MkdirAll(path.Dir(name), folderMode); err != nil {
			return err
		}
		f, err := root.OpenFile(name+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fileMode)
		if err != nil {
			return err
		}
		_, err = f.Write(t.encode())
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return root.Rename(name+".tmp", name)
	})
}

// sync makes the content of a tile durable. Its name is so after syncFolder.
func (d disk) sync(id tileID) error {
	return d.use(func(root *os.Root) error {
		f, err := root.OpenFile(id.path(), os.O_RDWR, 0) // Windows syncs only what is open for writing
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// syncFolder makes the names in a folder durable. NTFS journals them by itself.
func (d disk) syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return d.use(func(root *os.Root) error {
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
