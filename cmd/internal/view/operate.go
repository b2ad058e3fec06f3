package view

import (
	"fmt"
	"io"

	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// ConsentState writes what a site's cache of consent flags holds.
func ConsentState(w io.Writer, c *edgev1.ConsentState) {
	if c.GetFailure() != "" {
		fmt.Fprintln(w, "CONSENT FAILED: "+Clean(c.GetFailure())+"; the site refuses every request")
	}
	if !c.GetFilled() {
		fmt.Fprintln(w, "CONSENT NEVER FILLED: the region has pushed no flags; the site refuses every request")
		return
	}
	fmt.Fprintf(w, "CONSENT flags of the region: %d patients, push %d, right as of %s\n", c.GetRegionCount(), c.GetSequence(), instant(c.GetAsOf()))
	fmt.Fprintf(w, "  flags of the site itself: %d patients; epoch %d\n", c.GetSiteCount(), c.GetEpoch())
}

// Status writes how an agent is.
func Status(w io.Writer, s *edgev1.GetStatusResponse) {
	word := "RELEASING"
	if !s.GetReleasing() {
		word = "NOT RELEASING"
	}
	fmt.Fprintln(w, Clean(fmt.Sprintf("%s: %s (%s), agent %s", word, s.GetSiteName(), s.GetSiteCode(), s.GetVersion())))
	for _, a := range s.GetAttention() {
		fmt.Fprintln(w, "  ATTENTION: "+Clean(a))
	}
	fmt.Fprintln(w, "  started      "+instant(s.GetStartedAt()))
	fmt.Fprintln(w, "  certificate  ends "+instant(s.GetCertificateNotAfter()))
	fmt.Fprintln(w, "  configured   "+Clean(s.GetConfigFingerprint()))
	fmt.Fprintf(w, "  journal      %d entries\n", s.GetJournal().GetSequence())
	for _, source := range s.GetSources() {
		fmt.Fprintln(w, Clean(sourceLine(source)))
	}
	ConsentState(w, s.GetConsent())
}

func sourceLine(s *edgev1.SourceStatus) string {
	text := "SOURCE " + s.GetName() + " (" + s.GetKind() + "): "
	if s.GetReadable() {
		text += "READABLE"
	} else {
		text += "NOT READABLE"
	}
	if s.GetWritable() {
		text += ", LOGIN COULD WRITE"
	}
	return join(", ", text, s.GetDetail(), "checked "+instant(s.GetCheckedAt()))
}
