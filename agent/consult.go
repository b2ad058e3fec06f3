package agent

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/records"
)

// learner is the part of the consent store that takes what sources say.
type learner interface {
	// Learn takes what a source says of one patient now.
	Learn(source string, n care.NHSNumber, ds []care.Directive) error
	// Fill takes a whole reading of a source that began at asOf.
	Fill(ctx context.Context, source string, asOf time.Time, all iter.Seq2[care.Directive, error]) (consent.FillReport, error)
}

// codeList says what the codes of directives mean at the site.
type codeList interface {
	// Apply sets the Kind of a directive that has a Code, and leaves one without
	// as it is. keep is false for a code that does not concern this service; an
	// unknown one is an error.
	Apply(d *care.Directive) (keep bool, err error)
}

// flags is what one source holds of patients' choices, on its way to the
// consent store. All fields are required. It is safe for concurrent use.
type flags struct {
	source string // its name in the configuration
	from   care.DirectiveSource
	codes  codeList
	store  learner

	// changed is told what the source has newly stated, and how many more there
	// were than are listed. It is called once the store has it.
	changed func(source string, news []care.Directive, more int)
}

// flagsOf returns the source of directives that a connector is, or false when
// it is none or its settings do not say where they are.
func flagsOf(c care.Connector) (care.DirectiveSource, bool) {
	d, ok := c.(care.DirectiveSource)
	return d, ok && d.HoldsDirectives()
}

// reasonSource is why Identify fails when a source's directives are not known.
const reasonSource = "SOURCE"

// consulting asks a source what the patient has said about sharing whenever it
// asks who the patient is, so that a dissent that was entered a minute ago is
// in the consent store before the gate looks there again.
type consulting struct {
	inner care.Connector
	flags *flags
}

// consult puts a source's directives before its records. The connector that it
// returns reads documents if the inner one does.
func consult(inner care.Connector, f *flags) care.Connector {
	c := &consulting{inner: inner, flags: f}
	if documents, ok := inner.(care.DocumentReader); ok {
		return &consultingDocuments{c, documents}
	}
	return c
}

// Identify identifies the patient and, beside that, lets the consent store
// learn what the source says of the number now. A source whose directives
// cannot be read or understood is not one without a dissent: Identify then
// fails with ConsentUnavailable, whoever the patient is; with the reason of
// records.OfOnePatient where only this patient's cannot. It takes as long as the
// slower of the two, for patients who are not there as for those who are.
func (c *consulting) Identify(ctx context.Context, number care.NHSNumber) (p care.Patient, err error) {
	var unlearned error
	learned := make(chan struct{})
	go func() {
		defer close(learned)
		unlearned = c.flags.learn(ctx, number)
	}()
	defer func() {
		broken := recover()
		if <-learned; unlearned != nil && !(p.Restricted && records.OfOnePatient(unlearned)) { // restricted says more
			p, err = care.Patient{}, unlearned
		} else if broken != nil {
			panic(broken) // for whoever asked to deal with
		}
	}()
	return c.inner.Identify(ctx, number)
}

// Describe says what the source serves.
func (c *consulting) Describe() care.Description { return c.inner.Describe() }

// Fetch reads the patient's records.
func (c *consulting) Fetch(ctx context.Context, query care.Query) iter.Seq2[care.Item, error] {
	return c.inner.Fetch(ctx, query)
}

// Probe checks that the source can be read.
func (c *consulting) Probe(ctx context.Context) (care.Readiness, error) { return c.inner.Probe(ctx) }

// Close closes the source.
func (c *consulting) Close() error { return c.inner.Close() }

// consultingDocuments is consulting for sources that hold documents.
type consultingDocuments struct {
	*consulting
	documents care.DocumentReader
}

// Document opens a document.
func (c *consultingDocuments) Document(ctx context.Context, patient care.Patient, id string) (care.Document, error) {
	return c.documents.Document(ctx, patient, id)
}

// learn hands what the source says of one patient to the store. A source that
// can only be read whole says nothing here: its schedule has to do.
func (f *flags) learn(ctx context.Context, number care.NHSNumber) (err error) {
	defer func() {
		if recover() != nil { // on a goroutine of its own, it would end the process
			err = f.unknown(ctx, errors.New("agent: the source or the store panicked"))
		}
	}()
	all, err := f.from.DirectivesOf(ctx, number)
	switch {
	case care.KindOf(err) == care.Unsupported:
		return nil
	case err != nil:
		return f.unknown(ctx, err)
	}
	known, fault := f.known(all, number)
	if fault != nil && len(known) == 0 {
		return f.unclear(fault)
	}
	if err := f.store.Learn(f.source, number, known); err != nil {
		return f.unknown(ctx, err)
	}
	if fault != nil {
		return f.unclear(fault)
	}
	return nil
}

// known returns what a source says of a patient, as far as it concerns this
// service. With a fault, what withholds is returned all the same: that the
// patient is restricted must count whatever else cannot be understood.
func (f *flags) known(all []care.Directive, number care.NHSNumber) (known []care.Directive, fault error) {
	for _, d := range all {
		keep, err := f.understand(&d)
		if err == nil && d.NHSNumber != number {
			err = errors.New("agent: the source answered with another patient's statement")
		}
		switch {
		case err != nil:
			fault = err
		case keep:
			known = append(known, d)
		}
	}
	if fault != nil {
		known = slices.DeleteFunc(known, func(d care.Directive) bool { return !withholds(&d) })
	}
	return known, fault
}

// unknown is the error of not knowing what a patient has said.
func (f *flags) unknown(ctx context.Context, err error) error {
	if records.OfOnePatient(err) {
		return f.unclear(err)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return &care.Error{Kind: care.Cancelled, Op: f.source, Err: err, Detail: "the caller went away"}
	}
	return &care.Error{Kind: care.ConsentUnavailable, Op: f.source, Reason: reasonSource, Err: err,
		Detail: "what the patient has said about sharing could not be read from this source, so nothing is released; check the source"}
}

// unclear is the error of a statement of the patient's that makes no sense.
func (f *flags) unclear(err error) error {
	return &care.Error{Kind: care.ConsentUnavailable, Op: f.source, Reason: records.ReasonNotUnderstood, Err: err,
		Detail: "what the patient has said about sharing at this source cannot be understood, so nothing is released; check the patient's consent codes there"}
}

func (f *flags) tell(news []care.Directive, more int) {
	if len(news) > 0 || more > 0 {
		f.changed(f.source, news, more)
	}
}

// understand completes a directive as the source gave it and reports whether
// it concerns this service.
//
// Where only the day is known, the time is midnight UTC (care.DirectiveSource).
// A dissent or restriction is then taken to be of the day's end, and a consent
// or lifting of its beginning, so that of two on one day the one that withholds
// wins. A dissent that was really made at midnight only holds the firmer.
func (f *flags) understand(d *care.Directive) (keep bool, err error) {
	if keep, err = f.codes.Apply(d); err != nil || !keep {
		return false, err
	}
	d.Authority, d.Source = care.SourceFlag, f.source
	if withholds(d) && d.Effective.Equal(d.Effective.Truncate(24*time.Hour)) {
		d.Effective = d.Effective.AddDate(0, 0, 1).Add(-time.Millisecond)
	}
	return true, nil
}

// withholds reports whether a directive withholds something.
func withholds(d *care.Directive) bool { return d.Kind == care.Dissent || d.Kind == care.Restriction }

// understood yields what concerns this service. An error ends it.
func (f *flags) understood(all iter.Seq2[care.Directive, error]) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		for d, err := range all {
			keep := true
			if err == nil {
				keep, err = f.understand(&d)
			}
			if err != nil {
				yield(care.Directive{}, err)
				return
			}
			if keep && !yield(d, nil) {
				return
			}
		}
	}
}
