package sql

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of a configured statement.
const (
	maxStatement = 64 << 10 // bytes
	maxNesting   = 64       // parentheses within each other
)

// parameters are the values a statement may ask for.
const (
	paramNumber   = "nhs_number"
	paramLocalID  = "local_id"
	paramDocument = "document_id"
)

// lexis is how a dialect writes SQL, as far as a reader must know it.
type lexis struct {
	backtick bool               // `name`
	bracket  bool               // [name]
	cast     bool               // value::type
	bind     func(n int) string // n-th bind parameter, from 1
}

// statement is one SELECT that was found harmless, ready to be sent: comments
// removed, parameters replaced by the dialect's bind parameters.
type statement struct {
	text   string
	params []string // names, in the order of the bind parameters
}

// forbidden are the words that begin, or turn a SELECT into, something that
// writes, locks, or runs what was not read here. SQL Server needs nothing
// between two statements, so words that begin one are refused anywhere. A
// column of such a name can be written in quotes.
var forbidden = words(`ALTER ANALYZE ATTACH AUDIT BACKUP BEGIN BULK CALL CHECKPOINT CLUSTER COMMENT COMMIT COPY CREATE
	DBCC DEALLOCATE DECLARE DELETE DENY DETACH DISABLE DISCARD DO DROP DUMPFILE ENABLE EXEC EXECUTE EXPLAIN FLUSH FUNCTION
	GOTO GRANT HANDLER HOLDLOCK IMPORT INSERT INSTALL INTO KILL LISTEN LOAD LOCK MERGE NOTIFY OPENDATASOURCE OPENQUERY
	OPENROWSET OUTFILE PAGLOCK PRAGMA PREPARE PRINT PROCEDURE PURGE RAISERROR READTEXT RECONFIGURE REFRESH REINDEX RENAME
	RESTORE REVERT REVOKE ROLLBACK SAVE SAVEPOINT SECURITY SET SETUSER SHARE SHUTDOWN TABLOCK TABLOCKX THROW TRANSACTION
	TRUNCATE UPDATE UPDATETEXT UPDLOCK UPSERT USE VACUUM WAITFOR WHILE WRITETEXT XLOCK`)

// forbiddenCalls are functions that write, read files, reach other machines,
// wait, or change the session.
var forbiddenCalls = words(`BENCHMARK COPYDATABASE CURSOR_TO_XML DATABASE_TO_XML EDIT FTS3_TOKENIZER GET_LOCK HTTPURITYPE
	LOAD_EXTENSION LOAD_FILE MASTER_POS_WAIT NEXTVAL QUERY_TO_XML QUERY_TO_XMLSCHEMA READFILE RELEASE_ALL_LOCKS RELEASE_LOCK
	SCHEMA_TO_XML SETVAL SET_CONFIG SLEEP TABLE_TO_XML WRITEFILE`)

// forbiddenFamilies are the beginnings of the names of such functions, or of
// the schemas and packages they are in.
var forbiddenFamilies = []string{"PG_", "LO_", "DBLINK", "XP_", "SP_", "UTL_", "DBMS_", "SYS_", "OWA_", "CTXSYS", "PRAGMA_", "HTTP_",
	"FN_XE", "FN_TRACE", "FN_DBLOG", "FN_DUMP"}

// packages are those of Oracle, whose functions need no parentheses.
var packages = []string{"UTL_", "DBMS_", "OWA_", "CTXSYS"}

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// parseStatement reads one configured SELECT. allowed are the parameters it
// may have and needed the ones of which it must have one. The fault says what
// is wrong and where; it quotes the configuration, which holds no patient.
func parseStatement(text string, lx lexis, allowed ...string) (statement, error) {
	if len(text) > maxStatement {
		return statement{}, fmt.Errorf("it is longer than %d bytes", maxStatement)
	}
	p := parser{scanner: scanner{src: text, lexis: lx}, allowed: allowed}
	for {
		more, err := p.step()
		if err != nil {
			return statement{}, fmt.Errorf("line %d, column %d: %w", p.line(), p.column(), err)
		}
		if !more {
			return p.finish()
		}
	}
}

// parser checks the tokens of a statement and writes them out again.
type parser struct {
	scanner
	allowed []string
	out     strings.Builder
	params  []string
	last    token    // before the current one
	path    []string // parts of the qualified name that last ends, such as a.b
	depth   int
	ended   bool // a semicolon was read
}

// step reads one token and reports whether there may be more.
func (p *parser) step() (bool, error) {
	t, err := p.next()
	if err != nil || t.kind == endToken {
		return false, err
	}
	if p.ended {
		return false, fmt.Errorf("something follows the semicolon; only one statement is allowed")
	}
	if err := p.check(t); err != nil {
		return false, err
	}
	p.write(t)
	p.follow(t)
	p.last = t
	return true, nil
}

// follow keeps track of qualified names.
func (p *parser) follow(t token) {
	switch {
	case t.text == "." && t.kind == markToken:
	case t.name() == "":
		p.path = nil
	case p.last.text == "." && p.last.kind == markToken:
		p.path = append(p.path, t.name())
	default:
		p.path = []string{t.name()}
	}
}

func (p *parser) check(t token) error {
	if p.last.kind == endToken && t.word() != "SELECT" && t.word() != "WITH" {
		return fmt.Errorf("it must begin with SELECT or WITH")
	}
	switch t.kind {
	case wordToken:
		if forbidden[t.word()] {
			return fmt.Errorf("%s is not allowed in a query that only reads; put the name of a column in quotes", t.word())
		}
	case paramToken:
		if !slices.Contains(p.allowed, t.text[1:]) {
			return p.unknownParameter(t)
		}
	case markToken:
		return p.checkMark(t)
	}
	return nil
}

func (p *parser) unknownParameter(t token) error {
	if len(p.allowed) == 0 {
		return fmt.Errorf("this query takes no parameters, so there is no %s", t.text)
	}
	return fmt.Errorf("there is no parameter %s; there is :%s", t.text, strings.Join(p.allowed, ", :"))
}

func (p *parser) checkMark(t token) error {
	switch t.text {
	case ".":
		for _, name := range p.path {
			if hasPrefix(name, packages) {
				return fmt.Errorf("the functions of %s are not allowed", name)
			}
		}
	case "(":
		for _, name := range p.path {
			if forbiddenCalls[name] || hasPrefix(name, forbiddenFamilies) {
				return fmt.Errorf("the function %s is not allowed", strings.Join(p.path, "."))
			}
		}
		if p.depth++; p.depth > maxNesting {
			return fmt.Errorf("more than %d parentheses within each other", maxNesting)
		}
	case ")":
		if p.depth--; p.depth < 0 {
			return fmt.Errorf("a parenthesis is closed that was not opened")
		}
	case ";":
		p.ended = true
	}
	return nil
}

func hasPrefix(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// write appends a token. What stood between it and the last one, white space
// or comments, becomes one space; the semicolon is dropped.
func (p *parser) write(t token) {
	if t.kind == markToken && t.text == ";" {
		return
	}
	if t.spaced && p.out.Len() > 0 {
		p.out.WriteByte(' ')
	}
	if t.kind != paramToken {
		p.out.WriteString(t.text)
		return
	}
	p.params = append(p.params, t.text[1:])
	p.out.WriteString(p.lexis.bind(len(p.params)))
}

func (p *parser) finish() (statement, error) {
	switch {
	case p.out.Len() == 0:
		return statement{}, fmt.Errorf("it is empty")
	case p.depth != 0:
		return statement{}, fmt.Errorf("a parenthesis is not closed")
	}
	return statement{text: p.out.String(), params: p.params}, nil
}
