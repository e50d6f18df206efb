package local

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the largest record that is read; a larger one is set aside. CloudTrail's own
// limit is 256 KB (AWS CloudTrail User Guide, "Quotas").
const maxRecord = 4 << 20

// errTooLong is the reason of a record over the limit.
var errTooLong = fmt.Errorf("is longer than %d MiB", maxRecord>>20)

// errCut is the reason of a file that ends inside a record.
var errCut = errors.New("the file ends in the middle of it")

// errFurther is the reason of a file whose compression breaks off.
var errFurther = errors.New("the file cannot be read further")

// errSyntax is the reason of text that is no JSON.
var errSyntax = errors.New("is no JSON")

// wrappers are the members that hold the records of a file: CloudTrail delivery files,
// LookupEvents responses, Graph pages, search exports, log events of CloudWatch Logs, lists of
// Kubernetes audit events.
var wrappers = map[string]bool{"Records": true, "Events": true, "value": true, "results": true, "LookupEvents": true, "records": true, "events": true, "items": true}

// A scanner splits a stream of JSON into its records without holding more than one of them.
type scanner struct {
	r      *bufio.Reader
	offset int64
	buf    []byte
	tail   error // why the stream ended early, such as a broken gzip
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 256<<10)}
}

// A visit is told of every record (raw is valid until it returns), and of what cannot be one.
type visit interface {
	// quick is offered the stream from an object's brace on; it takes the whole object as a
	// record and tells its length, or 0 and nothing was done.
	quick(b []byte, offset int64) (int, error)
	record(raw []byte, offset int64) error
	bad(offset int64, sample []byte, why error) error
}

// run visits every record of the stream. The error is the visitor's; a broken stream ends the
// run after what came before was visited.
func (s *scanner) run(v visit) error {
	for {
		c, err := s.space()
		if err != nil {
			return s.end(v)
		}
		start := s.offset
		switch c {
		case '[':
			s.skip()
			err = s.elements(v)
		case '{':
			err = s.top(v)
		case ',', ']', '}': // rests of something broken
			s.skip()
			err = v.bad(start, []byte{c}, errSyntax)
		default:
			err = s.line(v, errSyntax)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return s.end(v)
		}
		if err != nil {
			return err
		}
	}
}

// end reports a stream that broke.
func (s *scanner) end(v visit) error {
	if s.tail != nil && !errors.Is(s.tail, io.EOF) {
		return v.bad(s.offset, nil, fmt.Errorf("%w: %w", errFurther, s.tail))
	}
	return nil
}

// peek is the next byte; the first error of the stream is kept.
func (s *scanner) peek() (byte, error) {
	b, err := s.r.Peek(1)
	if err != nil {
		s.note(err)
		return 0, io.EOF
	}
	return b[0], nil
}

func (s *scanner) note(err error) {
	if s.tail == nil {
		s.tail = err
	}
}

func (s *scanner) skip() {
	if n, _ := s.r.Discard(1); n == 1 {
		s.offset++
	}
}

// space skips white space and returns the next byte, still unread.
func (s *scanner) space() (byte, error) {
	for {
		c, err := s.peek()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' && !(s.offset == 0 && c == 0xEF) {
			return c, nil
		}
		if c == 0xEF { // a byte order mark
			if b, _ := s.r.Peek(3); len(b) == 3 && b[1] == 0xBB && b[2] == 0xBF {
				s.skip()
				s.skip()
				s.skip()
				continue
			}
			return c, nil
		}
		s.skip()
	}
}

// elements visits the elements of an array whose bracket was read.
func (s *scanner) elements(v visit) error {
	for {
		c, err := s.space()
		if err != nil {
			return io.EOF
		}
		switch c {
		case ',':
			s.skip()
		case ']':
			s.skip()
			return nil
		case '{':
			if err := s.object(v); err != nil {
				return err
			}
		case '[', '"':
			start := s.offset
			raw, err := s.value()
			if err != nil && !errors.Is(err, errTooLong) {
				return s.broken(v, start, raw, err)
			}
			if err := v.bad(start, head(raw), errBroken); err != nil {
				return err
			}
		default:
			if err := s.line(v, errSyntax); err != nil {
				return err
			}
		}
	}
}

// ahead is how much of the stream is looked at together: most records are far shorter.
const ahead = 16 << 10

// quick lets the visitor take the object that comes next where it lies.
func (s *scanner) quick(v visit) (bool, error) {
	if s.r.Buffered() < ahead {
		if _, err := s.r.Peek(ahead); err != nil && !errors.Is(err, io.EOF) {
			s.note(err)
		}
	}
	b, _ := s.r.Peek(s.r.Buffered())
	n, err := v.quick(b, s.offset)
	if n > 0 {
		discarded, _ := s.r.Discard(n)
		s.offset += int64(discarded)
	}
	return n > 0, err
}

// object visits one object as a record.
func (s *scanner) object(v visit) error {
	if done, err := s.quick(v); done || err != nil {
		return err
	}
	start := s.offset
	raw, err := s.value()
	switch {
	case errors.Is(err, errTooLong):
		return v.bad(start, head(raw), err)
	case err != nil:
		return s.broken(v, start, raw, err)
	}
	return v.record(raw, start)
}

// broken reports a record that the stream ends in.
func (s *scanner) broken(v visit, start int64, raw []byte, _ error) error {
	if err := v.bad(start, head(raw), errCut); err != nil {
		return err
	}
	return io.EOF
}

func head(raw []byte) []byte { return bytes.Clone(raw[:min(len(raw), 200)]) }

// line skips to the end of the line and reports it.
func (s *scanner) line(v visit, why error) error {
	start := s.offset
	var sample []byte
	for {
		chunk, err := s.r.ReadSlice('\n')
		s.offset += int64(len(chunk))
		if len(sample) < 200 {
			sample = append(sample, chunk[:min(len(chunk), 200-len(sample))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			s.note(err)
		}
		break
	}
	return v.bad(start, sample, why)
}

// top reads an object at the top of the stream: a wrapper, whose records are visited one by
// one, or a record of its own.
func (s *scanner) top(v visit) error {
	if done, err := s.quick(v); done || err != nil {
		return err
	}
	start := s.offset
	s.skip()
	s.buf = append(s.buf[:0], '{')
	long, wrapped := false, false
	for {
		c, err := s.space()
		if err != nil {
			return s.cutTop(v, start, wrapped)
		}
		switch c {
		case '}':
			s.skip()
			switch {
			case long:
				return v.bad(start, head(s.buf), errTooLong)
			case wrapped:
				return nil
			}
			s.buf = append(s.buf, '}')
			return v.record(s.buf, start)
		case ',':
			s.skip()
			s.buf = append(s.buf, ',')
			continue
		case '"':
		default:
			if err := v.bad(start, head(s.buf), errSyntax); err != nil {
				return err
			}
			return s.line(v, errSyntax)
		}
		keyAt := len(s.buf)
		if err := s.take(&long); err != nil {
			return s.cutTop(v, start, wrapped)
		}
		wrapper := wrappers[string(bytes.Trim(s.buf[min(keyAt, len(s.buf)):], `"`))]
		if c, err = s.space(); err != nil {
			return s.cutTop(v, start, wrapped)
		}
		if c != ':' {
			if err := v.bad(start, head(s.buf), errSyntax); err != nil {
				return err
			}
			return s.line(v, errSyntax)
		}
		s.skip()
		s.buf = append(s.buf, ':')
		if c, err = s.space(); err != nil {
			return s.cutTop(v, start, wrapped)
		}
		if c == '[' && wrapper && s.firstIsObject() {
			wrapped = true
			s.skip()
			if err := s.elements(v); err != nil {
				return err
			}
			s.buf = append(s.buf[:0], "{\"\":0"...)
			continue
		}
		if err := s.take(&long); err != nil {
			return s.cutTop(v, start, wrapped)
		}
	}
}

// firstIsObject looks whether the array that comes next holds objects, or nothing.
func (s *scanner) firstIsObject() bool {
	for n := 64; ; n *= 4 {
		b, err := s.r.Peek(n)
		if len(b) > 1 {
			if rest := bytes.TrimLeft(b[1:], " \t\r\n"); len(rest) > 0 {
				return rest[0] == '{' || rest[0] == ']'
			}
		}
		if err != nil || n > 64<<10 {
			return false
		}
	}
}

func (s *scanner) cutTop(v visit, start int64, wrapped bool) error {
	if wrapped {
		if err := v.bad(s.offset, nil, errCut); err != nil {
			return err
		}
		return io.EOF
	}
	return s.broken(v, start, s.buf, io.EOF)
}

// take appends the next value to the buffer, or marks the object as too long.
func (s *scanner) take(long *bool) error {
	keep := s.buf
	if *long {
		keep = nil
	}
	n := len(s.buf)
	raw, err := s.valueInto(keep)
	if errors.Is(err, errTooLong) {
		*long = true
		return nil
	}
	if !*long {
		s.buf = raw
		if len(s.buf) > maxRecord {
			*long, s.buf = true, s.buf[:n]
		}
	}
	return err
}

func (s *scanner) value() ([]byte, error) {
	raw, err := s.valueInto(s.buf[:0])
	s.buf = raw
	return raw, err
}

// valueInto appends one JSON value to buf. A value that makes buf longer than the limit is read
// to its end, cut, and told as errTooLong.
func (s *scanner) valueInto(buf []byte) ([]byte, error) {
	depth, inString, escaped, long := 0, false, false, false
	scalar := false
	for first := true; ; {
		chunk, err := s.r.Peek(max(1, s.r.Buffered()))
		if len(chunk) == 0 {
			s.note(err)
			if scalar {
				return buf, nil
			}
			return buf, io.ErrUnexpectedEOF
		}
		end := -1
		i := 0
		if first {
			scalar = chunk[0] != '{' && chunk[0] != '[' && chunk[0] != '"'
			first = false
		}
		for ; i < len(chunk); i++ {
			c := chunk[i]
			if inString {
				switch {
				case escaped:
					escaped = false
				case c == '\\':
					escaped = true
				case c == '"':
					inString = false
					if depth == 0 {
						end = i + 1
					}
				default:
					// Run to the next byte that can matter.
					for i+1 < len(chunk) && chunk[i+1] != '"' && chunk[i+1] != '\\' {
						i++
					}
				}
			} else {
				switch c {
				case '"':
					inString = true
				case '{', '[':
					depth++
				case '}', ']':
					if depth == 0 {
						end = i
						break
					}
					depth--
					if depth == 0 {
						end = i + 1
					}
				case ',', '\n', ' ', '\t', '\r':
					if scalar && depth == 0 {
						end = i
					}
				}
			}
			if end >= 0 {
				break
			}
		}
		n := end
		if n < 0 {
			n = len(chunk)
		}
		if !long {
			buf = append(buf, chunk[:n]...)
			if len(buf) > maxRecord {
				long, buf = true, buf[:200]
			}
		}
		discarded, _ := s.r.Discard(n)
		s.offset += int64(discarded)
		if end >= 0 {
			if long {
				return buf, errTooLong
			}
			return buf, nil
		}
	}
}
