package local

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"uratori/query"
)

// A form is a kind of text log.
type form uint8

const (
	noForm form = iota
	flowForm
	s3Form
	rdsForm
	cloudwatchForm // lines of an export task: a time, a space, the message
)

// formOf tells what kind of log a line is of.
func formOf(line string) form {
	line = strings.TrimSuffix(line, "\r")
	switch {
	case flowHeader(line) != nil, flowPlain(line):
		return flowForm
	case s3Start.MatchString(line):
		return s3Form
	case mysqlStart.MatchString(line), pgLine.MatchString(line):
		return rdsForm
	case len(exported(line)) < len(line):
		return cloudwatchForm
	}
	return noForm
}

// exported is the message of a line of a CloudWatch Logs export task ("2025-09-09T04:20:05.000Z
// message"), or the line itself.
func exported(line string) string {
	if len(line) > 25 && line[4] == '-' && line[10] == 'T' && line[23] == 'Z' && line[24] == ' ' {
		if _, ok := micros(line[:24]); ok {
			return line[25:]
		}
	}
	return line
}

// formAtStart looks at the first lines of a file: a line of a known form among them makes it a log.
func formAtStart(start []byte) form {
	start = bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))
	for n, line := range bytes.Split(start, []byte("\n")) {
		if n >= 20 {
			break
		}
		if !isUTF8Text(line) {
			continue
		}
		if f := formOf(string(line)); f != noForm {
			return f
		}
	}
	return noForm
}

// lines reads a text log line by line.
func (v *fileVisit) lines(r *bufio.Reader, f form) error {
	v.res.isLog = true
	if b, _ := r.Peek(3); bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	t := &textLog{form: f}
	var offset int64
	var line []byte
	for {
		line = line[:0]
		long := false
		start := offset
		var err error
		for {
			var part []byte
			part, err = r.ReadSlice('\n')
			offset += int64(len(part))
			if len(line)+len(part) > maxRecord {
				long = true
			} else if !long {
				line = append(line, part...)
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				break
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			if bad := v.bad(start, head(line), errors.Join(errFurther, err)); bad != nil {
				return bad
			}
			return nil
		}
		text := bytes.TrimRight(line, "\r\n")
		var stop error
		switch {
		case long:
			stop = v.bad(start, head(line), errTooLong)
		case len(bytes.TrimSpace(text)) == 0:
		case !utf8.Valid(text):
			stop = v.bad(start, head(text), errNotUTF8)
		default:
			stop = v.line(t, string(text), start, v.origin)
		}
		if stop != nil {
			return stop
		}
		if err != nil {
			return nil
		}
	}
}

// A textLog is a text log while it is read.
type textLog struct {
	form   form
	header []string // of a flow log, the last that was met
}

// line stores one line of a text log.
func (v *fileVisit) line(t *textLog, line string, offset int64, from origin) error {
	refuse := func(err error) error { return v.bad(offset, head([]byte(line)), err) }
	put := func(obj map[string]any, err error, use func(raw []byte) error) error {
		if err != nil {
			return refuse(err)
		}
		raw, err := compose(obj)
		if err != nil {
			return err
		}
		return use(raw)
	}
	switch t.form {
	case flowForm:
		if h := flowHeader(line); h != nil {
			t.header = h
			return nil
		}
		if t.header == nil {
			if !flowPlain(line) {
				return refuse(errNoHeader)
			}
			obj, err := flowLine(flowDefault, line)
			return put(obj, err, func(raw []byte) error { return v.flow(raw, offset, from) })
		}
		obj, err := flowLine(t.header, line)
		return put(obj, err, func(raw []byte) error { return v.flow(raw, offset, from) })
	case s3Form:
		obj, err := s3Line(line)
		return put(obj, err, func(raw []byte) error { return v.s3access(raw, offset, from) })
	case rdsForm:
		obj, known, err := rdsLine(line)
		if known && obj == nil && err == nil {
			return nil // a line of the database's own log
		}
		return put(obj, err, func(raw []byte) error { return v.rds(raw, offset, from) })
	case cloudwatchForm:
		return v.message(exported(line), offset, from)
	case noForm:
	}
	return refuse(errUnknown)
}

// keep stores a record of a dataset under an id; "" for the id that stands in it.
func (v *fileVisit) keep(d query.Dataset, raw []byte, id string, offset int64) error {
	if len(raw) > maxRecord {
		return v.bad(offset, head(raw), errTooLong)
	}
	if err := v.reader.readAs(d, raw, id, v.into(d)); err != nil {
		return v.bad(offset, head(raw), err)
	}
	return v.stored()
}

// s3access stores a record of a server access log.
func (v *fileVisit) s3access(raw []byte, offset int64, from origin) error {
	id := s3ID(member(raw, "request_id"), member(raw, "operation"), member(raw, "key"), member(raw, "version_id"))
	if given := member(raw, "event_id"); given != "" {
		id = given
	}
	if id == "" {
		id = identity(raw)
	}
	region := from.region
	if r := member(raw, "source_region"); r != "" && region == "" {
		region = r
	}
	return v.keep(query.S3Access, with(raw, [2]string{"account", from.account}, [2]string{"region", region}), id, offset)
}

// rds stores a record of a database audit.
func (v *fileVisit) rds(raw []byte, offset int64, from origin) error {
	id := identity(raw)
	return v.keep(query.RDSAudit, with(raw, [2]string{"account", from.account}, [2]string{"region", from.region}, [2]string{"instance", from.instance}), id, offset)
}
