package view

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// ConsentState writes what a site's cache of consent flags holds.
func ConsentState(w io.Writer, c *edgev1.ConsentState) {
	switch {
	case c == nil:
		fmt.Fprintln(w, "CONSENT UNKNOWN: the agent tells nothing of its consent flags")
		return
	case c.GetDoubt() != "":
		fmt.Fprintln(w, "CONSENT IN DOUBT: "+Clean(c.GetDoubt())+"; the site releases nothing")
	default:
		fmt.Fprintln(w, "CONSENT known")
	}
	for _, set := range c.GetSets() {
		fmt.Fprintln(w, "  "+Clean(consentSet(set)))
	}
	if n := c.GetStaged().GetDirectives(); n > 0 {
		fmt.Fprintf(w, "  a snapshot broke off after %s\n", care.Count(n, "directive"))
	}
	vouched := "the region has vouched for the agent"
	if !c.GetVouched() {
		vouched = "THE REGION HAS NOT VOUCHED FOR THE AGENT since it started"
	}
	fmt.Fprintf(w, "  %s; epoch %d, journal entry %d\n", vouched, c.GetEpoch(), c.GetJournalSequence())
}

// consentSet tells of the flags of one authority.
func consentSet(s *edgev1.ConsentSet) string {
	name := join(" ", strings.ToLower(s.GetAuthority()), s.GetSource())
	if !s.GetFilled() && s.GetAuthority() != care.Site.String() {
		return name + ": NEVER FILLED"
	}
	text := fmt.Sprintf("%s: %s, %s", name, care.Count(s.GetPatients(), "patient"), care.Count(s.GetDirectives(), "directive"))
	if s.GetSequence() > 0 {
		text += fmt.Sprintf(", push %d", s.GetSequence())
	}
	if s.GetAsOf() != nil {
		text += ", right as of " + instant(s.GetAsOf())
	}
	if len(s.GetDigest()) > 0 {
		text += ", digest " + base64.StdEncoding.EncodeToString(s.GetDigest())
	}
	return text
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
	fmt.Fprintf(w, "  journal      %s\n", care.Count(s.GetJournal().GetSequence(), "entry"))
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
