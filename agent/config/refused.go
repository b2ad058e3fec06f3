package config

import "slices"

// journalled are the parts of the file that say where a site's journal is and
// by which keys it is written.
var journalled = []string{"$.site.ods_code", "$.state_folder", "$.site_key", "$.journal"}

// Refused reads a file that Load refused once more and returns how many faults
// it has. The site holds its fingerprint and what says where the journal is and
// how it is written; nothing else in it may be used. The site is nil when the
// file has no faults now, cannot be read at all, or has one in those parts: a
// journal must not be guessed.
func Refused(path string, catalogue Catalogue) (site *Site, faults int) {
	text, err := readFile(path)
	if err != nil {
		return nil, 0
	}
	site, d, err := parse(path, text, catalogue)
	if err != nil {
		return nil, 0
	}
	faults = len(d.problems) + d.more
	if faults == 0 || d.more > 0 || slices.ContainsFunc(journalled, func(path string) bool { return !d.sound(path) }) {
		return nil, faults
	}
	return &Site{Organisation: Organisation{ODSCode: site.Organisation.ODSCode}, StateFolder: site.StateFolder,
		SiteKey: site.SiteKey, Journal: site.Journal, fingerprint: site.fingerprint}, faults
}

// sound reports whether nothing at all was said against the value at path.
func (d *decoder) sound(path string) bool {
	return d.readable(path) && !slices.ContainsFunc(d.problems, func(p Problem) bool { return within(p.Path, path) })
}
