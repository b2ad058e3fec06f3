//go:build e2e && unix

package sql

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// patience ends a test that waits for a server. It asserts nothing about speed
// but that it is far below the time limit of a statement.
const patience = 20 * time.Second

// busy is a view whose query never ends. MariaDB looks for its client while it
// sleeps, and for nothing while it computes.
var busy = map[string]string{
	driverPostgres: "CREATE VIEW never_ending AS SELECT CAST(pg_sleep(600) AS text) AS i",
	driverMySQL:    "CREATE VIEW never_ending AS SELECT BENCHMARK(1000000000000, MD5('x')) AS i",
}

// TestPostgresLooksForItsClient cuts the connection without a request to
// cancel, as when that arrives before the query begins and is lost.
func TestPostgresLooksForItsClient(t *testing.T) {
	w := filled(t, startPostgres(t)).(*serverWorld)
	s := withQueries(w.settings())
	s.StatementTimeout = time.Minute
	conn, err := openedUntilEnd(t, s).(*source).db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	asked := w.asked(t)
	err = conn.Raw(func(driverConn any) error {
		c, err := driverConn.(*stdlib.Conn).Conn().PgConn().Hijack()
		if err != nil {
			return err
		}
		c.Frontend.SendQuery(&pgproto3.Query{String: "SELECT i FROM never"})
		if err := c.Frontend.Flush(); err != nil {
			return err
		}
		wait(t, asked, "the query is not run")
		return c.Conn.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, w.ended(t), "the query still runs at the server")
}

// givenUp lets the caller go away while the server runs a query, which must
// end then and not at its time limit.
func givenUp(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create, busy[create(t).(*serverWorld).driver]).(*serverWorld)
	s := withQueries(w.settings())
	s.StatementTimeout = time.Minute
	s.Queries["ALLERGIES"] = "SELECT id, i AS note, code_text FROM never_ending JOIN entries ON 1 = 1 WHERE patient = :local_id"
	c, asked := openedUntilEnd(t, s), w.asked(t)
	p := care.Patient{LocalID: care.NewPrivate("1001"), NHSNumber: nhs(firstNumber)}
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() {
		var last error
		for _, err := range c.Fetch(ctx, care.Query{Patient: p, Sections: care.SetOf(care.Allergies)}) {
			last = err
		}
		returned <- last
	}()
	wait(t, asked, "the query is not run")
	cancel()
	select {
	case err := <-returned:
		wantReason(t, err, care.Cancelled, "")
	case <-time.After(patience):
		t.Fatal("Fetch does not return")
	}
	wait(t, w.ended(t), "the query still runs at the server")
	if got, err := ends(t, c, care.Query{Patient: p, Sections: care.SetOf(care.Problems)}); err != nil || got[care.Problems].Read != 3 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

// ended waits until the endless query runs no more.
func (w *serverWorld) ended(t testing.TB) <-chan struct{} {
	return w.server.Await(t, "SELECT 1 - LEAST(1, ("+w.running+"))")
}

func wait(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(otherwise)
	}
}

// changes give columns of the patient query and of the sections' other types.
var changes = map[string][]string{
	driverPostgres: {"ALTER TABLE entries ALTER id TYPE text", "ALTER TABLE entries ALTER patient TYPE bigint USING patient::bigint",
		"ALTER TABLE patients ALTER local_id TYPE bigint USING local_id::bigint", "ALTER TABLE patients ALTER active TYPE text",
		"ALTER TABLE files ALTER patient TYPE bigint USING patient::bigint, ALTER title TYPE text"},
	driverMySQL: {"ALTER TABLE entries MODIFY id text", "ALTER TABLE entries MODIFY patient bigint",
		"ALTER TABLE patients MODIFY local_id bigint", "ALTER TABLE patients MODIFY active varchar(5)",
		"ALTER TABLE files MODIFY patient bigint, MODIFY title text"},
}

// typesChange changes the types of columns while connections are kept on which
// the queries ran before. No request may see it.
func typesChange(t *testing.T, create func(testing.TB) world) {
	w := filled(t, create).(*serverWorld)
	s := withQueries(w.settings())
	c := openedUntilEnd(t, s)
	unlucky(c.(*source))
	readAtOnce(t, c, s.MaxConnections-1)
	for _, change := range changes[w.driver] {
		w.exec(t, change)
		if readAtOnce(t, c, s.MaxConnections-1); t.Failed() {
			t.Fatalf("after %s", change)
		}
	}
}

// unlucky lets somebody else take the connection whose plan was found to be out
// of date, so that the query is run again over one that keeps such a plan, too.
func unlucky(s *source) {
	d, outdated := *s.plan.dialect, false
	begin, isOutdated := d.begin, d.outdated
	d.outdated = func(err error) bool {
		outdated = isOutdated(err)
		return outdated
	}
	d.begin = func(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
		if outdated {
			outdated = false
			conn, err := db.Conn(ctx)
			if err != nil {
				return nil, err
			}
			defer conn.Close()
		}
		return begin(ctx, db)
	}
	s.plan.dialect = &d
}

// readAtOnce reads everything of the first patient, over so many connections
// at once that all of the pool are used.
func readAtOnce(t *testing.T, c care.Connector, connections int) {
	t.Helper()
	p, err := c.Identify(t.Context(), nhs(firstNumber))
	if err != nil {
		t.Error(err)
		return
	}
	readDocument(t, c, p)
	deeper := connections - 1
	for item, err := range c.Fetch(t.Context(), care.Query{Patient: p, Sections: care.AllSections, MaxRows: 100}) {
		switch {
		case err != nil:
			t.Error(err)
		case item.Record != nil && deeper > 0:
			readAtOnce(t, c, deeper)
			deeper = 0
		case item.End != nil && item.End.State == care.Unavailable:
			t.Errorf("%+v", *item.End)
		case item.End != nil && item.End.Read != wanted[item.End.Section].Records:
			t.Errorf("%v: %d records", item.End.Section, item.End.Read)
		}
	}
}

func readDocument(t *testing.T, c care.Connector, p care.Patient) {
	t.Helper()
	d, err := c.(care.DocumentReader).Document(t.Context(), p, "epr.document.d0")
	if err != nil {
		t.Error(err)
		return
	}
	if err := d.Body.Close(); err != nil {
		t.Error(err)
	}
}
