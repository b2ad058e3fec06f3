package sql

import (
	"errors"
	"strings"
)

// tokenKind is a kind of token. endToken is the zero value.
type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // a keyword or a name without quotes
	nameToken             // a name in quotes
	stringToken           // a string literal
	numberToken           // a decimal number
	paramToken            // :name
	markToken             // punctuation or an operator
)

// token is one token of SQL.
type token struct {
	kind   tokenKind
	text   string // as written, with its quotes
	spaced bool   // white space or a comment stood before it
}

// word returns a word in capitals, or "" for any other token.
func (t token) word() string {
	if t.kind != wordToken {
		return ""
	}
	return strings.ToUpper(t.text)
}

// name returns what the token names, in capitals and without quotes.
func (t token) name() string {
	if t.kind == nameToken {
		return strings.ToUpper(strings.TrimSpace(t.text[1 : len(t.text)-1]))
	}
	return t.word()
}

// scanner cuts a statement into tokens. It is stricter than any server: where
// two servers, or two settings of one, would cut a text differently, it is
// refused. So there are no backslashes in literals, no dollar quotes, no
// letters glued to numbers or literals, no nested and no special comments.
type scanner struct {
	src   string
	pos   int
	start int // of the current token
	lexis lexis
}

// Marks that may stand in a SELECT. What is missing is missing on purpose: "?",
// "$", "@" and "#" are bind parameters or variables to one server or another,
// "{" escapes to functions, "\" is cut differently everywhere.
const marks = "(),.;+-*/%=<>!|&^~"

var (
	errChar    = errors.New("this character is not allowed outside of quotes")
	errGlued   = errors.New("a quote or letter follows without a space; literals with a prefix are not allowed")
	errOpen    = errors.New("a quote is not closed")
	errComment = errors.New("a comment is not closed")
	errNested  = errors.New("comments within comments, hints and version comments are not allowed")
	errDashes  = errors.New("two dashes without a space after them are not a comment everywhere")
	errEscape  = errors.New("a backslash or control character in quotes is not allowed")
	errQuotes  = errors.New("this server does not quote names so")
)

// line and column say where the current token is, from 1.
func (s *scanner) line() int { return 1 + strings.Count(s.src[:s.start], "\n") }

func (s *scanner) column() int { return s.start - strings.LastIndexByte(s.src[:s.start], '\n') }

// next returns the next token; at the end one of kind endToken.
func (s *scanner) next() (token, error) {
	before := s.pos
	if err := s.skip(); err != nil {
		return token{}, err
	}
	s.start = s.pos
	kind, err := s.scan()
	return token{kind: kind, text: s.src[s.start:s.pos], spaced: s.start > before}, err
}

// at returns the byte n places on, or 0.
func (s *scanner) at(n int) byte {
	if s.pos+n < len(s.src) {
		return s.src[s.pos+n]
	}
	return 0
}

// skip passes over white space and comments.
func (s *scanner) skip() error {
	for {
		s.start = s.pos
		switch c := s.at(0); {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			s.pos++
		case c == '-' && s.at(1) == '-':
			if n := s.at(2); n > ' ' {
				return errDashes
			}
			s.skipLine()
		case c == '/' && s.at(1) == '*':
			if err := s.skipBlock(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (s *scanner) skipLine() {
	for s.pos < len(s.src) && s.src[s.pos] != '\n' && s.src[s.pos] != '\r' {
		s.pos++
	}
}

func (s *scanner) skipBlock() error {
	body := s.src[s.pos+2:]
	n := strings.Index(body, "*/")
	if n < 0 {
		return errComment
	}
	body = body[:n]
	if strings.Contains(body, "/*") || strings.HasPrefix(body, "!") || strings.HasPrefix(body, "M!") || strings.HasPrefix(body, "+") {
		return errNested
	}
	s.pos += n + 4
	return nil
}

// scan moves over one token.
func (s *scanner) scan() (tokenKind, error) {
	switch c := s.at(0); {
	case s.pos >= len(s.src):
		return endToken, nil
	case isLetter(c):
		return wordToken, s.scanWord()
	case isDigit(c) || c == '.' && isDigit(s.at(1)):
		return numberToken, s.scanNumber()
	case c == '\'':
		return stringToken, s.scanQuoted('\'')
	case c == '"':
		return nameToken, s.scanQuoted('"')
	case c == '`':
		return nameToken, s.ifQuotes(s.lexis.backtick, '`')
	case c == '[':
		return nameToken, s.ifQuotes(s.lexis.bracket, ']')
	case c == ':':
		return s.scanColon()
	case strings.IndexByte(marks, c) >= 0:
		s.pos++
		return markToken, nil
	}
	return endToken, errChar
}

func (s *scanner) scanWord() error {
	for c := s.at(0); isLetter(c) || isDigit(c) || c == '$'; c = s.at(0) {
		s.pos++
	}
	return s.notGlued()
}

func (s *scanner) scanNumber() error {
	s.digits()
	if s.at(0) == '.' {
		s.pos++
		s.digits()
	}
	if e := s.at(0); e == 'e' || e == 'E' {
		if s.pos++; s.at(0) == '+' || s.at(0) == '-' {
			s.pos++
		}
		if !isDigit(s.at(0)) {
			return errGlued
		}
		s.digits()
	}
	return s.notGlued()
}

func (s *scanner) digits() {
	for isDigit(s.at(0)) {
		s.pos++
	}
}

// notGlued refuses a letter or quote directly after a word, number or literal.
func (s *scanner) notGlued() error {
	if c := s.at(0); isLetter(c) || isDigit(c) || strings.IndexByte("'\"`$", c) >= 0 && c != 0 {
		return errGlued
	}
	return nil
}

func (s *scanner) ifQuotes(known bool, closing byte) error {
	if !known {
		return errQuotes
	}
	return s.scanQuoted(closing)
}

// scanQuoted moves over a literal or name in quotes. The closing quote, when
// doubled, stands for itself; only "]]" is refused, because SQLite disagrees.
func (s *scanner) scanQuoted(closing byte) error {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\' || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
			return errEscape
		case c != closing:
		case s.at(1) == closing && closing != ']':
			s.pos++
		default:
			s.pos++
			if closing == ']' && s.at(0) == ']' {
				return errGlued
			}
			return s.notGlued()
		}
	}
	return errOpen
}

// scanColon moves over a parameter or, where there are such, a cast.
func (s *scanner) scanColon() (tokenKind, error) {
	if s.at(1) == ':' && s.lexis.cast {
		s.pos += 2
		return markToken, nil
	}
	if s.pos++; !isLetter(s.at(0)) {
		return endToken, errChar
	}
	return paramToken, s.scanWord()
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
