// Package config reads agent.yaml, the file with which a site says who it is,
// who may ask, and the most that may ever leave (the ceiling).
//
// The file is read strictly. Unknown and repeated keys, wrong types, unknown
// names, values out of range, anchors, aliases, tags and further documents are
// faults, and all faults are reported at once with file, line, column, the
// offending line and what was expected. Where the text is not YAML, the key of
// the root that it belongs to is left out, the report says so, and the others
// are checked. Nothing is converted silently: 0123 and yes stay the texts they
// are where a text is expected, and are refused where a number or a yes-or-no
// is.
//
// Read site.go for what the file holds, validate.go for what must fit
// together, and decode.go for how YAML becomes values. The same decoder reads
// the settings of each source into the struct that its connector declares.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// maxBytes is the most that agent.yaml may hold.
const maxBytes = 1 << 20

// Catalogue knows the kinds of connector in this build.
type Catalogue interface {
	// Kinds returns the names of the kinds.
	Kinds() []string

	// NewSettings returns a pointer to a struct that holds the defaults of one
	// kind's settings, or nil when the kind takes none. Its fields are read by
	// their yaml tags: `yaml:"name"` or `yaml:"name,required"`, with an
	// optional `range:"1..100"`. They may be structs, slices, maps, strings,
	// bools, integers, time.Duration, Size, encoding.TextUnmarshaler, and the
	// sections, purposes and ODS codes of package care; a text type with a
	// method Values() []string takes one of those values. The struct may have a
	// method Validate() []care.Problem, whose paths are relative to the
	// settings; it is called on a struct that may be incomplete.
	NewSettings(kind string) (settings any, known bool)
}

// Load reads and checks the file at path. The error is of type Problems when
// the content is at fault, and otherwise an *care.Error: LimitExceeded for a
// file over 1 MiB, BadRequest for one that is missing, unreadable, not a
// regular file or not UTF-8.
func Load(path string, catalogue Catalogue) (*Site, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, catalogue)
}

// Parse checks text as Load checks the file of that name. Relative paths in
// the text are taken from the file's folder.
func Parse(name string, text []byte, catalogue Catalogue) (*Site, error) {
	site, d, err := parse(name, text, catalogue)
	if err != nil {
		return nil, err
	}
	if problems := d.finish(); len(problems) > 0 {
		return nil, problems
	}
	site.doc, site.places = d.doc, d.places
	return site, nil
}

// parse reads text as far as it can be read; what is at fault in it is in the
// decoder.
func parse(name string, text []byte, catalogue Catalogue) (*Site, *decoder, error) {
	folder, err := filepath.Abs(filepath.Dir(name))
	switch {
	case err != nil:
		return nil, nil, &care.Error{Kind: care.Internal, Op: "config.Load", Detail: "the working folder is not known", Err: err}
	case len(text) > maxBytes:
		return nil, nil, &care.Error{Kind: care.LimitExceeded, Op: "config.Load", Reason: "TOO_BIG",
			Detail: name + " is larger than 1 MiB; a site's file is a few kilobytes, so this is probably another file"}
	case !utf8.Valid(text):
		return nil, nil, &care.Error{Kind: care.BadRequest, Op: "config.Load", Reason: "NOT_UTF8",
			Detail: name + " is not UTF-8 text; save it with that encoding"}
	}
	d := &decoder{doc: newDocument(name, string(text)), catalogue: catalogue, places: map[string]place{}}
	site := defaults()
	if root, ok := d.parse(); ok {
		d.value(reflect.ValueOf(site).Elem(), root, "$")
		site.complete(folder)
		site.validate(d)
	} else {
		d.faulty = append(d.faulty, "$")
	}
	sum := sha256.Sum256(text)
	site.fingerprint = hex.EncodeToString(sum[:])
	return site, d, nil
}

// Fingerprint returns the SHA-256 of the file's bytes, in hexadecimal. It names
// the configuration in force in the journal.
func (s *Site) Fingerprint() string { return s.fingerprint }

// complete fills in what one part of the file takes from another.
func (s *Site) complete(folder string) {
	for _, file := range s.files() {
		if filepath.IsLocal(*file) {
			*file = filepath.Join(folder, *file)
		}
	}
	for i := range s.Sources {
		if origin := &s.Sources[i].Origin; origin.Organisation == "" {
			origin.Organisation = s.Organisation.ODSCode
		}
		if origin := &s.Sources[i].Origin; origin.OrganisationName == "" && origin.Organisation == s.Organisation.ODSCode {
			origin.OrganisationName = s.Organisation.Name
		}
	}
	for i := range s.Sharing.Rules {
		s.Sharing.Rules[i].narrow(&s.Sharing)
	}
}

// files returns every path that may be relative to the folder of the file.
func (s *Site) files() []*string {
	files := []*string{&s.Identity.Certificate, &s.Identity.Key, &s.Identity.Denied,
		&s.SiteKey.File, &s.SiteKey.DPAPIFile, &s.Journal.ArchiveFolder,
		&s.Consent.Folder, &s.Consent.Codes}
	for i := range s.Identity.BrokerRoots {
		files = append(files, &s.Identity.BrokerRoots[i])
	}
	for i := range s.Journal.Forward {
		f := &s.Journal.Forward[i]
		files = append(files, &f.Certificate, &f.Key)
		for n := range f.Roots {
			files = append(files, &f.Roots[n])
		}
	}
	return files
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, unreadable(path, fs.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return text, nil
}

func unreadable(path string, err error) error {
	e := &care.Error{Kind: care.BadRequest, Op: "config.Load", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Reason, e.Detail = "NO_FILE", "there is no file "+path+"; name another with --config, or write one: mcr-agent check --example gp-practice > "+path
	case errors.Is(err, fs.ErrPermission):
		e.Reason, e.Detail = "NO_ACCESS", "the agent's account may not read "+path
	case errors.Is(err, fs.ErrInvalid):
		e.Reason, e.Detail = "NOT_A_FILE", path+" is not a regular file"
	default:
		e.Reason, e.Detail = "IO", path+" cannot be read"
	}
	e.Detail = strings.ToValidUTF8(e.Detail, "?")
	return e
}
