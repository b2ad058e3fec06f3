package broker

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// site is how the agent names itself in an answer.
type site struct {
	code care.ODSCode
	name string
}

func (s site) opening(req *care.Request, p *care.Patient) *edgev1.Opening {
	o := &edgev1.Opening{RequestId: req.ID, SiteCode: string(s.code), SiteName: s.name,
		RetrievedAt: timestamppb.New(time.Now()), BirthDate: p.BirthDate.String(), Gender: p.Gender}
	if len(p.Names) > 0 {
		o.FamilyName = p.Names[0].Family.Reveal()
		for _, g := range p.Names[0].Given {
			o.GivenNames = append(o.GivenNames, g.Reveal())
		}
	}
	return o
}

// recordAnswer encodes GetRecordResponse messages by appending: a record is
// copied once, from the connector's memory into the message that goes to the
// wire. It is a gate.Answer.
type recordAnswer struct {
	site    site
	stream  grpc.ServerStream
	pool    *buffers
	buf     *[]byte
	limit   int // bytes at which the message is full
	opened  time.Time
	scratch [64]byte
	err     error // of encoding the opening or the closing
}

func newRecordAnswer(s site, pool *buffers, stream grpc.ServerStream) *recordAnswer {
	return &recordAnswer{site: s, stream: stream, pool: pool, buf: pool.Get(bufferSize), limit: firstMessage}
}

// Numbers of GetRecordResponse's fields.
const (
	fieldOpening  = 1
	fieldRecords  = 2
	fieldOutcomes = 3
	fieldClosing  = 4
)

// Open adds the opening.
func (a *recordAnswer) Open(req *care.Request, p *care.Patient, _ *care.Document) {
	a.opened = time.Now()
	a.message(fieldOpening, a.site.opening(req, p))
}

// Record adds a record and tells whether the message should leave.
func (a *recordAnswer) Record(r *care.Record) bool {
	effective := r.Effective.Append(a.scratch[:0])
	recorded := effective // most records are written down when they are made
	if r.Recorded != r.Effective {
		recorded = r.Recorded.Append(effective)[len(effective):]
	}
	source := ""
	if r.Origin != nil {
		source = r.Origin.Source
	}
	size := 2 + sizeText(len(r.Type)) + sizeText(len(r.ID)) + sizeText(len(effective)) + sizeText(len(recorded)) +
		sizeText(len(source)) + sizeText(len(r.Resource))
	if r.Ended {
		size += 2
	}
	b := append(*a.buf, fieldRecords<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, 1<<3, byte(r.Section))
	b = appendText(b, 2, r.Type)
	b = appendText(b, 3, r.ID)
	b = appendText(b, 4, effective)
	b = appendText(b, 5, recorded)
	b = appendText(b, 6, source)
	if r.Ended {
		b = append(b, 7<<3, 1)
	}
	*a.buf = appendText(b, 8, r.Resource)
	return len(*a.buf) >= a.limit && a.leaves()
}

// leaves reports whether a message that has come to its limit is to leave.
func (a *recordAnswer) leaves() bool {
	if a.limit == firstMessage && time.Since(a.opened) < soon {
		a.limit = fullMessage
		return false
	}
	return true
}

// Outcome adds a section's outcome.
func (a *recordAnswer) Outcome(o *care.Outcome) {
	*a.buf = appendMessage(*a.buf, fieldOutcomes, func(b []byte) []byte { return appendOutcome(b, o) })
}

// Chunk is not for records.
func (a *recordAnswer) Chunk([]byte) {}

// Close adds the closing.
func (a *recordAnswer) Close(receipt care.Receipt, digest string) {
	a.message(fieldClosing, closing(receipt, digest))
}

// Flush sends the message and starts the next one.
func (a *recordAnswer) Flush() error {
	if a.err != nil || len(*a.buf) == 0 {
		return a.err
	}
	full := a.buf
	a.buf, a.limit = a.pool.Get(bufferSize), fullMessage
	return a.stream.SendMsg(&frame{mem.NewBuffer(full, a.pool)})
}

// free gives back the buffer of a message that was never sent.
func (a *recordAnswer) free() { a.pool.Put(a.buf) }

func (a *recordAnswer) message(field protowire.Number, m proto.Message) {
	*a.buf = appendMessage(*a.buf, field, func(b []byte) []byte {
		out, err := proto.MarshalOptions{}.MarshalAppend(b, m)
		if err != nil {
			a.err = err
			return b
		}
		return out
	})
}

// appendMessage appends an embedded message whose length is known only once it
// is written: the body is moved when its length needs more than one byte.
func appendMessage(b []byte, field protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	at := len(b)
	b = body(append(b, 0))
	size := len(b) - at - 1
	if extra := protowire.SizeVarint(uint64(size)) - 1; extra > 0 {
		b = append(b, make([]byte, extra)...)
		copy(b[at+1+extra:], b[at+1:at+1+size])
	}
	protowire.AppendVarint(b[:at], uint64(size))
	return b
}

// appendOutcome appends the fields of a SectionOutcome.
func appendOutcome(b []byte, o *care.Outcome) []byte {
	b = appendNumber(b, 1, uint64(o.Section))
	b = appendNumber(b, 2, uint64(o.State))
	for i, n := range [...]int{o.Read, o.Sent, o.Withheld, o.Failed, o.Ended, o.Outside, o.Limit} {
		b = appendNumber(b, protowire.Number(3+i), uint64(n))
	}
	if !o.Boundary.IsZero() {
		b = appendMessage(b, 10, o.Boundary.Append)
	}
	if !o.AsOf.IsZero() {
		b = appendMessage(b, 11, func(b []byte) []byte {
			b = appendNumber(b, 1, uint64(o.AsOf.Unix()))
			return appendNumber(b, 2, uint64(o.AsOf.Nanosecond()))
		})
	}
	for _, w := range o.Warnings {
		b = appendText(b, 12, string(w))
	}
	b = appendText(b, 13, o.Reason)
	for _, s := range o.Sources {
		b = appendText(b, 14, s)
	}
	return b
}

func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

// appendText appends a text field with a number below 16; an empty one is left
// out.
func appendText[T string | []byte](b []byte, field protowire.Number, text T) []byte {
	if len(text) == 0 {
		return b
	}
	if len(text) < 128 { // one byte of length: most texts
		b = append(b, byte(field)<<3|byte(protowire.BytesType), byte(len(text)))
		return append(b, text...)
	}
	b = append(b, byte(field)<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(len(text)))
	return append(b, text...)
}

// sizeText is the encoded size of a text field with a number below 16.
func sizeText(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}

func closing(receipt care.Receipt, digest string) *edgev1.Closing {
	return &edgev1.Closing{Decision: position(receipt.Decision), Ended: position(receipt.Ended), Digest: digest, Proof: proofMessage(receipt.Proof)}
}

func position(p care.Position) *edgev1.JournalPosition {
	return &edgev1.JournalPosition{Sequence: p.Sequence, LeafHash: p.Leaf[:]}
}

// documentAnswer encodes GetDocumentResponse messages. It is a gate.Answer.
type documentAnswer struct {
	site   site
	stream grpc.ServerStream
	pool   *buffers
	next   edgev1.GetDocumentResponse // opening and closing, when there are some
	chunk  []byte
}

// Open adds the opening.
func (a *documentAnswer) Open(req *care.Request, p *care.Patient, doc *care.Document) {
	a.next.Opening = &edgev1.DocumentOpening{Opening: a.site.opening(req, p), DocumentId: doc.ID,
		ContentType: doc.ContentType, Title: doc.Title, Size: doc.Size}
}

// Record is not for documents.
func (a *documentAnswer) Record(*care.Record) bool { return false }

// Outcome is not for documents.
func (a *documentAnswer) Outcome(*care.Outcome) {}

// Chunk adds the next bytes; they are copied when the message is sent.
func (a *documentAnswer) Chunk(chunk []byte) { a.chunk = chunk }

// Close adds the closing.
func (a *documentAnswer) Close(receipt care.Receipt, digest string) {
	a.next.Closing = closing(receipt, digest)
}

// Flush sends the message.
func (a *documentAnswer) Flush() error {
	buf := a.pool.Get(bufferSize)
	b, err := proto.MarshalOptions{}.MarshalAppend(*buf, &a.next)
	if err != nil {
		return err
	}
	*buf = appendText(b, 2, a.chunk)
	a.next.Reset()
	a.chunk = nil
	return a.stream.SendMsg(&frame{mem.NewBuffer(buf, a.pool)})
}

// locateAnswer collects the answer to LocatePatient, which is one message and
// leaves when the gate has let it. It is a gate.Answer.
type locateAnswer struct {
	site     site
	response edgev1.LocatePatientResponse
}

// Open notes the opening.
func (a *locateAnswer) Open(req *care.Request, p *care.Patient, _ *care.Document) {
	a.response.Opening = a.site.opening(req, p)
}

// Record is not for locating.
func (a *locateAnswer) Record(*care.Record) bool { return false }

// Outcome is not for locating.
func (a *locateAnswer) Outcome(*care.Outcome) {}

// Chunk is not for locating.
func (a *locateAnswer) Chunk([]byte) {}

// Close notes the closing.
func (a *locateAnswer) Close(receipt care.Receipt, digest string) {
	a.response.Closing = closing(receipt, digest)
}

// Flush has nothing to send: the response is returned.
func (a *locateAnswer) Flush() error { return nil }
