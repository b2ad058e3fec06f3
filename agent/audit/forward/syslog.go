package forward

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"
)

// Parts of every message (RFC 5424 section 6).
const (
	facility = 13 // log audit, section 6.2.1
	appName  = "mcr-agent"

	// structure is the SD-ID of the fields. 32473 is the enterprise number for
	// examples (RFC 5612); it stands here until the project has its own.
	structure = "mcr@32473"

	maxHost    = 255
	maxID      = 32
	maxMessage = 8 << 10  // bytes; RFC 5425 section 4.3.1 wants receivers to take that
	chunk      = 16 << 10 // bytes that are written with one time limit

	// sendBuffer bounds what counts as delivered although it never left: the
	// system would hold megabytes.
	sendBuffer = 128 << 10
)

// appendMessage appends a record as one syslog message (RFC 5424).
func appendMessage(dst []byte, r *record, host string) []byte {
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, facility*8+int64(r.severity), 10)
	dst = append(dst, ">1 "...)
	dst = r.time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, ' ')
	dst = appendName(dst, host, maxHost)
	dst = append(dst, " "+appName+" - "...)
	dst = appendName(dst, r.kind, maxID)
	dst = append(dst, " ["+structure...)
	for i := range r.fields {
		dst = appendParam(dst, r.fields[i].name, r.fields[i].text)
	}
	dst = append(dst, "] "...)
	if !isASCII(r.text) {
		dst = append(dst, "\xEF\xBB\xBF"...) // section 6.4: what is UTF-8 begins with the mark
	}
	return append(dst, r.text...)
}

// appendName appends a field of the header: printable ASCII without spaces, "-"
// if there is nothing (section 6: NILVALUE).
func appendName(dst []byte, name string, limit int) []byte {
	if name == "" {
		return append(dst, '-')
	}
	for i := range min(len(name), limit) {
		c := name[i]
		if c <= ' ' || c > '~' {
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendParam appends a field with the three characters escaped that section
// 6.3.3 names.
func appendParam(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), `="`...)
	for i := range len(value) {
		switch c := value[i]; c {
		case '"', '\\', ']':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// appendFrame appends a message with its length before it (RFC 5425 section
// 4.3: octet counting).
func appendFrame(dst, message []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(message)), 10)
	return append(append(dst, ' '), message...)
}

// syslogConn is a connection to a syslog server.
type syslogConn struct {
	*tls.Conn
	host   string
	stall  time.Duration
	broken bool // a write failed
}

func openSyslog(ctx context.Context, w *worker) (connection, error) {
	conn, err := dial(ctx, w.Address, w.TLS)
	if err != nil {
		return nil, err
	}
	if under, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = under.SetWriteBuffer(sendBuffer) // the system's own size does too
	}
	return &syslogConn{Conn: conn, host: w.Site.Instance, stall: w.pace.stall}, nil
}

func (c *syslogConn) peer() string { return c.RemoteAddr().String() }

// close says goodbye as RFC 5425 section 4.4 wants, which crypto/tls gives five
// seconds.
func (c *syslogConn) close() {
	if c.broken {
		_ = c.NetConn().Close()
	}
	_ = c.Conn.Close()
}

// send writes the records. The time limit is for 16 KiB, so that a slow
// receiver is no stuck one.
func (c *syslogConn) send(ctx context.Context, records []*record) (uint64, error) {
	var frames, message []byte
	for _, r := range records {
		message = appendMessage(message[:0], r, c.host)
		frames = appendFrame(frames, message)
	}
	for len(frames) > 0 {
		n := min(chunk, len(frames))
		if err := c.write(ctx, frames[:n]); err != nil {
			c.broken = true
			return 0, explain(cause(ctx, err))
		}
		frames = frames[n:]
	}
	return 0, nil
}

func (c *syslogConn) write(ctx context.Context, data []byte) error {
	timer := time.AfterFunc(c.stall, c.interrupt)
	defer timer.Stop()
	defer context.AfterFunc(ctx, c.interrupt)()
	_, err := c.Write(data)
	return err
}

// interrupt ends writing for good.
func (c *syslogConn) interrupt() { _ = c.SetWriteDeadline(time.Unix(1, 0)) }

// watch reads, because only that tells that the receiver has gone: what is
// written to it then is lost without an error. Syslog servers send nothing.
func (c *syslogConn) watch(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	var waste [512]byte
	for {
		if _, err := c.Read(waste[:]); err != nil {
			return explain(cause(ctx, err))
		}
	}
}
