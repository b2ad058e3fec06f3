package memory

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/connectors/ukcore"
)

// SizedRecord is about how many bytes one record of a sized patient has.
const SizedRecord = 1 << 10

// SizedDocument is the key of the document of a sized patient.
const SizedDocument = "sized-document"

// Sized returns a patient for measurements: an Observations section of about
// the given number of bytes in records of about one kilobyte (at least one),
// and a document of exactly the given size, unless that is zero. The document
// is made up while it is read and not held in memory.
func Sized(number care.NHSNumber, record int, document int64) Patient {
	p := Patient{Person: care.Patient{
		LocalID: care.NewPrivate("sized-" + number.Reveal()), NHSNumber: number,
		Verified: true, Active: true, Names: []care.Name{{Use: "official", Family: care.NewPrivate("Sized"), Given: []care.Private{care.NewPrivate("Patient")}}},
		BirthDate: care.Day(1970, 1, 1), Gender: "unknown"}}
	day := time.Date(2020, 1, 1, 9, 0, 0, 0, time.UTC)
	for i := range max(1, record/SizedRecord) {
		at := care.Instant(day.Add(time.Duration(i) * time.Hour))
		p.Rows = append(p.Rows, &ukcore.Observation{
			Entry: ukcore.Entry{ID: fmt.Sprintf("s%06d", i), Effective: at, Recorded: at, Note: "Measured at home, entered by hand."},
			Code:  bodyWeight, Status: "final", Category: "vital-signs",
			Value: ukcore.Measure{Quantity: ukcore.Quantity{Value: "71.40", Unit: "kg", UnitCode: "kg"}}})
	}
	if document > 0 {
		p.Rows = append(p.Rows, &ukcore.Document{Entry: ukcore.Entry{ID: SizedDocument, Effective: care.Instant(day)}, Type: text("Image"),
			Title: "Sized document", ContentType: "application/octet-stream", Size: strconv.FormatInt(document, 10)})
		p.Documents = map[string]Content{SizedDocument: {Type: "application/octet-stream", Title: "Sized document", Size: document,
			Open: func() io.Reader { return &pattern{left: document} }}}
	}
	return p
}

// pattern reads bytes that follow from their position: byte i is i modulo 251,
// a prime, so that no block of a common size looks like another.
type pattern struct {
	at, left int64
}

const patternPeriod = 251

func (p *pattern) Read(dst []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(dst)), p.left))
	for done := 0; done < n; {
		done += copy(dst[done:n], patternBytes[(p.at+int64(done))%patternPeriod:])
	}
	p.at, p.left = p.at+int64(n), p.left-int64(n)
	return n, nil
}

// patternBytes holds sixteen periods, so that copies are long.
const patternLength = 16 * patternPeriod

var patternBytes = func() (b [patternLength]byte) {
	for i := range b {
		b[i] = byte(i % patternPeriod)
	}
	return b
}()
